rule early { condition: true }
rule quantifiers {
  strings: $a1 = "aa" $a2 = "bb" $b = "cc"
  condition: any of ($a*) at filesize - 1 and 2 of ($a1, $b) in (0..#b) and 50% of them and none of (early*)
    and for all of ($a*) : ($ at 0 and # > 1 and @[2] < !) and #a1 in (1..2) == @a2[#b]
}
