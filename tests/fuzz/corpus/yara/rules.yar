/* comment */ include "again"
private global rule a : t u { condition: false } rule b { condition: a or not a } // end
rule c { condition: 1 of (a, b*) }
