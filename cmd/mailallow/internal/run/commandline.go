package run

import (
	"strings"

	"mailallow/accessmap/program"
)

// Flags are the flags of the run that a command to paste needs, too. A snapshot below /run or from a pipe is gone by then.
func (o Options) Flags() (text string) {
	if o.Config.Path != "" {
		text += " -c " + program.Quoted(o.Config.Path)
	}
	if o.Config.Root != "" {
		text += " --root " + program.Quoted(o.Config.Root)
	}
	for _, resolver := range o.Config.Resolvers {
		text += " --resolver " + program.Quoted(resolver)
	}
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
	return "mailallow diff" + o.Flags() + " --accept " + program.Quoted(source)
}
