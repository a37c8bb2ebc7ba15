rule a { strings: $a = "\q $b = { 6 [ } $c = /(/ condition: $a and ( }
rule b { meta: x = condition: true }
import 3 rule c { condition: x.y[1](2 }