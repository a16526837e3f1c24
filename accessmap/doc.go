// Package accessmap holds the rooms that know the files in which Sendmail and Postfix look a client up; none of them knows the
// network, nor where a list comes from. Imports point one way, down this list, and rooms on one line do not import each other:
//
//	live
//	plan
//	install   lint
//	sendmail
//	makemap   postfix   format
//	key   block   program   state
//	maillog
//
// The tests here hold several rooms together against the real programs.
package accessmap
