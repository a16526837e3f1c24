// Package accessmap holds the packages that know the files in which Sendmail and Postfix look a client up. None of them uses
// the network or knows the source of a list. docs/architecture.md lists them; imports point one way, down its tables.
//
// The package itself has no code. Its tests compare several of these packages with the real programs.
package accessmap
