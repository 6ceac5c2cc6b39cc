object eb40dae1ef2fe30ff94835d23a51db1a7cba4680
type commit
tag v2
tagger Ada <ada@example.test> 1706745600 +0000

v2
