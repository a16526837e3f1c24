package format

// Use is the program that reads a Postfix table, which decides the values that a line may have (docs/facts.md 10).
type Use string

// The uses of a table. None is that of a format that Postfix does not read.
const (
	UseNone       Use = ""
	UseSMTPD      Use = "smtpd"      // check_client_access and its kin
	UsePostscreen Use = "postscreen" // postscreen_access_list
	UseMyNetworks Use = "mynetworks" // any line that matches is membership, whatever its value
)
