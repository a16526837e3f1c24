package reply

// service is a private list, which nobody can ask over DNS.
type service struct {
	name           string
	domains, words []string
}

var services = [...]service{
	{"proofpoint", []string{"proofpoint.com", "pphosted.com"}, []string{"proofpoint"}},
	{"mimecast", []string{"mimecast.org", "mimecast.com"}, []string{"mimecast"}},
	{"cloudmark", []string{"cloudmark.com"}, []string{"cloudmark"}},
	{"microsoft", []string{"outlook.com", "microsoft.com", "office.com", "live.com", "msn.com", "hotmail.com", "aka.ms"}, []string{"microsoft", "hotmail", "fblw15"}},
	{"google", []string{"google.com", "gmail.com"}, []string{"gsmtp"}},
	{"trendmicro", []string{"trendmicro.com", "mail-abuse.com"}, []string{"trend micro", "trendmicro"}},
	{"symantec", []string{"symantec.com", "messagelabs.com", "symanteccloud.com", "broadcom.com"}, []string{"symantec", "messagelabs"}},
	{"sophos", []string{"sophos.com", "sophosxl.net"}, []string{"sophos"}},
	{"att", []string{"abuse-att.net", "att.net", "att.com", "prodigy.net"}, []string{"attrbl"}},
	{"comcast", []string{"comcast.net", "comcast.com"}, []string{"comcast"}},
	{"t-online", []string{"t-online.de"}, nil},
	{"cisco", []string{"senderbase.org", "talosintelligence.com", "iphmx.com", "ironport.com", "cisco.com"}, []string{"senderbase", "ironport"}},
	{"yahoo", []string{"yahoo.com", "yahooinc.com", "yahoodns.net"}, nil},
	{"aol", []string{"aol.com"}, nil},
	{"orange", []string{"orange.fr"}, nil},
	{"laposte", []string{"laposte.net"}, nil},
	{"free", []string{"free.fr"}, nil},
	{"sfr", []string{"sfr.fr"}, nil},
	{"earthlink", []string{"earthlink.net"}, []string{"earthlink"}},
	{"mailru", []string{"mail.ru"}, nil},
	{"qq", []string{"qq.com"}, nil},
	{"netease", []string{"163.com", "126.com", "netease.com"}, nil},
	{"charter", []string{"charter.net", "spectrum.net", "rr.com"}, nil},
	{"cox", []string{"cox.net", "cox.com"}, nil},
	{"ionos", []string{"1and1.com", "kundenserver.de", "ionos.com"}, []string{"kundenserver.de"}},
	{"gmx", []string{"gmx.net", "gmx.com", "web.de"}, nil},
	{"sohu", []string{"sohu.com", "sohu.net"}, nil},
	{"kpn", []string{"kpn.com", "kpnmail.nl"}, nil},
	{"fortinet", []string{"fortiguard.com", "fortinet.com", "fortiguard.net"}, []string{"fortiguard", "fortinet"}},
	{"apple", []string{"apple.com", "icloud.com"}, nil},
	{"mailchannels", []string{"mailchannels.net", "mailchannels.com"}, []string{"mailchannels"}},
	{"hornetsecurity", []string{"hornetsecurity.com", "antispameurope.com"}, []string{"hornetsecurity"}},
	{"vadesecure", []string{"vadesecure.com", "vade-retro.com"}, []string{"vade secure"}},
}
