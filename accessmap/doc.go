// Package accessmap holds the packages that know the files in which Sendmail and Postfix look a client up. None of them uses
// the network or knows the source of a list. Imports point one way, down this list; packages on one line do not import each
// other:
//
//	live
//	plan
//	install   lint
//	sendmail
//	makemap   postfix   format
//	key   block   program   state
//	maillog
//
// The package itself has no code. Its tests compare several of these packages with the real programs.
package accessmap
