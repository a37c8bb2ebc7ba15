import "test"
rule loops {
  condition: for any i in (0..filesize) : (uint8(i) == 1) and for 2 s in ("a", "b") : (s == filename)
    and for all n in (1, 2, 3) : (for any m in (n..4) : (m > n))
    and for any p in test.parts : (p.name matches /x/ and for any l in p.lines : (l == p.size))
    and for any k, v in test.headers : (k == v) and with x = test.size * 2, y = test.parts[x] : (x > y.size)
}
