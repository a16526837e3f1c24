package run

import "strings"

// Flags are the flags of the run that a command to paste needs, too. A snapshot below /run or from a pipe is gone by then.
func (o Options) Flags() (text string) {
	if o.Config.Path != "" {
		text += " -c " + quoted(o.Config.Path)
	}
	if o.Config.Root != "" {
		text += " --root " + quoted(o.Config.Root)
	}
	for _, resolver := range o.Config.Resolvers {
		text += " --resolver " + quoted(resolver)
	}
	if o.Signature != "" {
		text += " --signature " + quoted(o.Signature)
	}
	if o.Since != "" {
		text += " --since " + quoted(o.Since)
	}
	if s := o.Snapshot; s != "" && s != "-" && !strings.HasPrefix(s, "/run/") && !strings.HasPrefix(s, "/dev/") {
		text += " --snapshot " + quoted(s)
	}
	return text
}

// Look is the command that shows the change of a held source.
func (o Options) Look(source string) string {
	return "mailallow diff" + o.Flags() + " --accept " + quoted(source)
}

// quoted gives a word as a shell reads it.
func quoted(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@%+:,/"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
