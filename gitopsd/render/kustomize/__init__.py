"""A Kustomize engine: trees of files to desired objects, with the results of kustomize 5.8.

`build.build` is the way in; read `accumulate.build_layer` first, where the order of a build stands. One file per transformation;
*where* each one edits is data (`fieldspecs.json`), *how* is code.
"""
