import "test"
rule logic { condition: not (true and false or filesize > 10KB) and defined test.size }
rule numbers { condition: 1 + 2 * 3 - 4 \ 2 % 3 == -1 or ~1 & 2 ^ 3 | 4 << 5 >> 6 != 0x1F and 1.5 < 2MB and 0o17 >= 1 }
rule text { condition: filename contains "a" or filename icontains "b" or filename startswith "c" or filename istartswith "d" or filename endswith "e" or filename iendswith "f" or filename iequals "g" or filename matches /h[i-j]+/is }
rule bytes { condition: uint8(0) + int16(1) + uint32be(filesize - 4) + entrypoint == 0 }
