//! Programs that run in the background: for monitoring, for logs, for automation.

use crate::program::{
    Body, COMPACT, Ends, Needs, PLAIN, Program, Text, documented, is_stored, programs, says_that_it_is_refused,
};
use crate::scene::Way;

/// A tool of the documentation that goes on.
const fn tool(id: &'static str, file: &'static str, run: &'static str, trigger: &'static str) -> Program {
    Program { file, text: Text::OfTool(id), run, ends: Ends::WhenStopped(trigger), ..PLAIN }
}

const ALERTMANAGER: &str = "
sed -i 's|basic_auth:|tls_config: { ca_file: \"{{ ca }}\" }\\n          &|' alertmanager.yml
exec $SENDERS_DAEMONS/usr/bin/prometheus-alertmanager --config.file=alertmanager.yml --storage.path=storage \
  --web.listen-address=127.0.0.1:{{ free_port }} --cluster.listen-address=
";
const ALERT: &str = "
curl --silent --fail --retry 100 --retry-connrefused --retry-delay 1 http://127.0.0.1:{{ free_port }}/api/v2/alerts \
  --json '[{\"labels\": {\"alertname\": \"DiskFull\", \"instance\": \"db1\"}}]'
";

/// The example is a destination, so the rest of a configuration goes around it.
const SYSLOG_NG: &str = "
cat > whole.conf <<END
@version: 3.38
@include \"$PWD/syslog-ng.conf\"
source s_file { file(\"in.log\" follow-freq(0.1) flags(no-parse)); };
log { source(s_file); destination(d_reasoner); };
END
sed -i 's|headers(|tls(ca-file(\"{{ ca }}\")) &|' syslog-ng.conf
echo 'Finished in 42 minutes' > in.log
export LD_LIBRARY_PATH=$SENDERS_DAEMONS/usr/lib/syslog-ng
exec $SENDERS_DAEMONS/usr/sbin/syslog-ng --foreground --stderr --no-caps --cfgfile=whole.conf --persist-file=persist \
  --pidfile=pid --control=control --module-path=$SENDERS_DAEMONS/usr/lib/syslog-ng/3.38
";

/// It sends when its buffer is full, which is the sooner the smaller it is and the more it reads.
const COLLECTD: &str = "
sed -i 's|Format \"JSON\"|&\\n    BufferSize 1024\\n    CACert \"{{ ca }}\"|' collectd.conf
cat > whole.conf <<END
Hostname \"db1\"
Interval 0.1
BaseDir \"$PWD\"
PluginDir \"$SENDERS_DAEMONS/usr/lib/collectd\"
TypesDB \"$SENDERS_DAEMONS/usr/share/collectd/types.db\"
LoadPlugin uptime
Include \"$PWD/collectd.conf\"
END
exec $SENDERS_DAEMONS/usr/sbin/collectd -f -C whole.conf -P pid
";

const NODE_RED: &str =
    "exec $SENDERS_NODE_RED/node_modules/.bin/node-red --userDir . --port {{ free_port }} --define uiHost=127.0.0.1";
/// As the editor does when a flow is imported and deployed.
const IMPORT: &str = "
curl --silent --fail --retry 100 --retry-connrefused --retry-delay 1 http://127.0.0.1:{{ free_port }}/flows --json @flow.json
";

documented! {
    alertmanager: Program {
        sends: Body::Has("DiskFull"),
        ..tool("alertmanager", "alertmanager.yml", ALERTMANAGER, ALERT)
    };
    syslog_ng: Program {
        sends: Body::Has("Finished in 42 minutes"),
        ..tool("syslog-ng", "syslog-ng.conf", SYSLOG_NG, "")
    };
    collectd: Program {
        sends: Body::Has("\"plugin\":\"uptime\""),
        ..tool("collectd", "collectd.conf", COLLECTD, "")
    };
    node_red: Program {
        sends: Body::Is(COMPACT),
        needs: Needs::Much,
        ..tool("node-red", "flow.json", NODE_RED, IMPORT)
    };
}
