package run

import (
	"strings"

	"mailallow/accessmap/program"
)

// Typed gives the flags of the run that a command to paste needs, too, each after a blank. A snapshot below /run or from a pipe
// is gone when it is pasted.
func (o Options) Typed() string {
	text := o.Config.Typed()
	if o.Signature != "" {
		text += " --signature " + program.Quoted(o.Signature)
	}
	if o.Since != "" {
		text += " --since " + program.Quoted(o.Since)
	}
	if s := o.Snapshot; s != "" && s != "-" && !strings.HasPrefix(s, "/run/") && !strings.HasPrefix(s, "/dev/") {
		text += " --snapshot " + program.Quoted(s)
	}
	return text
}

// Look is the command that shows the change of a held source.
func (o Options) Look(source string) string {
	return "mailallow diff" + o.Typed() + " --accept " + program.Quoted(source)
}
