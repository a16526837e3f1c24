package main

// version is set by the linker in a release: -X main.version=VERSION.
var version = "0.1.0-dev"
