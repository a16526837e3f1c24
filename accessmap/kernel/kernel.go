// Package kernel holds all that mailallow asks of the operating system's kernel beyond POSIX. Linux has its own file. The other
// serves every other system, and Linux with the build tag portable, under which the tests run it; each function of it says what is
// lost there.
package kernel
