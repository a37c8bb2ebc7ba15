import "test"
rule modules {
  condition: test.parts[test.size].lines[0] == test.parts.len() and test.headers["From"] contains "x"
    and test.has("a") and test.has(/b/) and test.sum(1, test.is_dll) > test.half(2) and test.number(true) == 1
}
