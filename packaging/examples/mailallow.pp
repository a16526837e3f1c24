# Brings the targets of a host up to date with its configuration:
#
#   class { 'mailallow': content => file('profile/mailallow.toml') }
#
# `mailallow diff` ends with 0 if nothing would change, and update is not run then. While a source is held, stale or missing
# it ends with 3 or 4, with or without changes: update is run, does not touch targets that are up to date, and its warnings
# are in the report. An on_change command that failed, and the ages of the ranges, are matters of update alone: enable
# mailallow.timer as well.
class mailallow (
  String $content,
  String $program = '/usr/local/sbin/mailallow',
  String $folder  = '/etc/mailallow',
) {
  $config = "${folder}/mailallow.toml"

  file { $folder:
    ensure => directory,
  }

  file { $config:
    content => $content,
  }

  exec { 'mailallow update':
    command   => [$program, '-c', $config, '--quiet', 'update'],
    unless    => [[$program, '-c', $config, '--quiet', 'diff']],
    returns   => [0, 3, 4],
    logoutput => true,
    require   => File[$config],
  }
}
