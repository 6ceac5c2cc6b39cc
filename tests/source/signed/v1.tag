object eb40dae1ef2fe30ff94835d23a51db1a7cba4680
type commit
tag v1
tagger Ada <ada@example.test> 1706745600 +0000

v1
-----BEGIN PGP SIGNATURE-----

iIcEABYIAC8WIQTzxHarVG13xkw9irszkl/6N0OyXwUCZbrfABEcYWRhQGV4YW1w
bGUudGVzdAAKCRAzkl/6N0OyX3njAQCVMiQfW6yxLdHOTAXUZPDE8GoiMMHWfuC7
U8hYQI0yawD/eDGVmFcWW+mpivGfFkj69S9c4h4PlGw21iovB1f6mgA=
=pUcm
-----END PGP SIGNATURE-----
