/**
 * Templates in the manner of Deis v1's router, controller and database: `or (getv key) default`, `range gets`, `ls` and `lsdir` in each
 * other, lists split and indexed. They were written for a confd that gives the empty string for a missing key.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { RendererEvent } from "../../renderer/events.ts";
import { newRenderer } from "../../renderer/new-renderer.ts";
import { parseResource } from "../../renderer/resource.ts";
import { mergeSettings, readFlags } from "../../renderer/settings.ts";
import { fixedKeys } from "../../renderer/source.ts";

const router = `worker_processes {{ or (getv "/deis/router/workerProcesses") "auto" }};
{{ $timeout := or (getv "/deis/router/defaultTimeout") "1300" }}keepalive_timeout {{ $timeout }};
client_max_body_size "{{ or (getv "/deis/router/bodySize") "1m" }}";
{{ $proxy := or (getv "/deis/router/proxyProtocol") "false" }}listen 80{{ if ne $proxy "false" }} proxy_protocol{{ end }};
{{ $hsts := or (getv "/deis/router/hsts/enabled") "false" }}{{ $https := or (getv "/deis/router/enforceHTTPS") $hsts "false" }}https {{ $https }};
{{ if exists "/deis/router/gzip" }}gzip {{ getv "/deis/router/gzip" }};{{ else }}# no gzip{{ end }}
{{ if eq (getv "/deis/router/enableNginxStatus") "true" }}status;{{ end }}
{{/* the controller */}}
{{ if exists "/deis/controller/host" }}upstream controller { server {{ getv "/deis/controller/host" }}:{{ getv "/deis/controller/port" }}; }
{{ end }}{{ $domains := ls "/deis/domains" }}{{ range $app := lsdir "/deis/services" }}{{ $pattern := printf "/deis/services/%s/*" $app }}
upstream {{ $app }} {
{{ range gets $pattern }}  server {{ .Value }};
{{ end }}}
{{ $units := gets $pattern }}{{ $count := len $units }}{{ range $domain := $domains }}{{ if eq $app (getv (printf "/deis/domains/%s" $domain)) }}server_name {{ $domain }};{{ if exists (printf "/deis/certs/%s/cert" $domain) }} ssl;{{ end }}
{{ end }}{{ end }}{{ $listed := exists (printf "/deis/config/%s/deis_whitelist" $app) }}{{ if $listed }}{{ range $entry := split (getv (printf "/deis/config/%s/deis_whitelist" $app)) "," }}{{ $part := split $entry ":" }}allow {{ index $part 0 }};{{ if eq (len $part) 2 }} # {{ index $part 1 }}{{ end }}
{{ end }}deny all;
{{ end }}{{ if ne $count 0 }}{{ $count }} of {{ $app }}{{ else }}return 503;{{ end }}
{{ end }}`;

const controller = `SECRET_KEY = '{{ or (getv "/deis/controller/secretKey") "" }}'
DATABASES = {'ENGINE': 'django.db.backends.{{ getv "/deis/database/engine" }}', 'HOST': '{{ getv "/deis/database/host" }}'}
{{ if exists "/deis/controller/auth/ldap/endpoint" }}LDAP = True{{ else }}LDAP = False{{ end }}
REGISTRY = '{{ or (getv "/deis/registry/protocol") "http" }}://{{ getv "/deis/registry/host" }}:{{ getv "/deis/registry/port" }}'
CACHES = [{{ range $i, $e := lsdir "/deis/cache/hosts" }}{{ if $i }}, {{ end }}'{{ $e }}'{{ end }}]
`;

const database = `{{ range lsdir "/deis/config" }}{{ $app := . }}{{ range ls (printf "/deis/config/%s" .) }}{{ $app }}.{{ . }}={{ getv (printf "/deis/config/%s/%s" $app .) }}
{{ end }}{{ end }}hosts={{ join (getvs "/deis/store/hosts/*") "," }} {{ base "/a/b" }}
`;

describe("a template of Deis v1's kind", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "deis-v1-"));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const render = async (template: string, keys: Readonly<Record<string, string>>): Promise<string> => {
    await writeFile(join(directory, "t.tmpl"), template);
    const settings = mergeSettings(readFlags(["-onetime", `-confdir=${directory}`]), undefined, {});
    const toml = `[template]\nsrc = "t.tmpl"\ndest = "${directory}/out"\nkeys = ["/deis"]\nmissing_key = "empty"\n`;
    const resource = parseResource(toml, "t.toml", {
      templateDirectory: directory,
      prefix: "",
      missingKey: "error",
    });
    const failed: RendererEvent[] = [];
    const renderer = newRenderer(
      settings,
      (event) => {
        if (event.kind === "render-failed") failed.push(event);
      },
      () => undefined,
    );
    renderer.setResources([resource]);
    await renderer.pass(fixedKeys(new Map(Object.entries(keys))), AbortSignal.timeout(5_000));
    expect(failed).to.deep.equal([]);
    return readFile(join(directory, "out"), "utf8");
  };

  it("of the router renders where nothing is set", async () => {
    expect((await render(router, {})).split("\n").filter((line) => line !== "")).to.deep.equal([
      "worker_processes auto;",
      "keepalive_timeout 1300;",
      'client_max_body_size "1m";',
      "listen 80;",
      "https false;",
      "# no gzip",
    ]);
  });

  it("of the router renders a platform with two apps, a domain and a whitelist", async () => {
    const text = await render(router, {
      "/deis/router/bodySize": "10m",
      "/deis/router/proxyProtocol": "1",
      "/deis/router/hsts/enabled": "true",
      "/deis/router/gzip": "on",
      "/deis/controller/host": "10.0.0.1",
      "/deis/controller/port": "8000",
      "/deis/services/demo/demo_v2.web.1": "10.0.0.2:32768",
      "/deis/services/demo/demo_v2.web.2": "10.0.0.3:32769",
      "/deis/services/other/other_v9.cmd.1": "10.0.0.4:1",
      "/deis/domains/www.shop.org": "demo",
      "/deis/certs/www.shop.org/cert": "x",
      "/deis/config/demo/deis_whitelist": "10.0.0.0/8:office,1.2.3.4",
    });
    expect(text.split("\n").filter((line) => line !== "")).to.deep.equal([
      "worker_processes auto;",
      "keepalive_timeout 1300;",
      'client_max_body_size "10m";',
      "listen 80 proxy_protocol;",
      "https true;",
      "gzip on;",
      "upstream controller { server 10.0.0.1:8000; }",
      "upstream demo {",
      "  server 10.0.0.2:32768;",
      "  server 10.0.0.3:32769;",
      "}",
      "server_name www.shop.org; ssl;",
      "allow 10.0.0.0/8; # office",
      "allow 1.2.3.4;",
      "deny all;",
      "2 of demo",
      "upstream other {",
      "  server 10.0.0.4:1;",
      "}",
      "1 of other",
    ]);
  });

  it("of the controller renders, with and without what it reads", async () => {
    expect(await render(controller, {})).to.equal(
      "SECRET_KEY = ''\nDATABASES = {'ENGINE': 'django.db.backends.', 'HOST': ''}\nLDAP = False\nREGISTRY = 'http://:'\nCACHES = []\n",
    );
    const keys = {
      "/deis/controller/secretKey": "s3cret",
      "/deis/database/engine": "postgresql_psycopg2",
      "/deis/database/host": "10.0.0.9",
      "/deis/registry/host": "10.0.0.8",
      "/deis/registry/port": "5000",
      "/deis/cache/hosts/a/port": "1",
      "/deis/cache/hosts/b/port": "2",
    };
    expect(await render(controller, keys)).to.equal(
      "SECRET_KEY = 's3cret'\nDATABASES = {'ENGINE': 'django.db.backends.postgresql_psycopg2', 'HOST': '10.0.0.9'}\nLDAP = False\nREGISTRY = 'http://10.0.0.8:5000'\nCACHES = ['a', 'b']\n",
    );
  });

  it("of the database lists what is below each app", async () => {
    expect(await render(database, {})).to.equal("hosts= b\n");
    const keys = {
      "/deis/config/demo/port": "5000",
      "/deis/config/demo/secret": "x=y",
      "/deis/config/other/port": "80",
      "/deis/store/hosts/1": "10.0.0.2",
      "/deis/store/hosts/2": "10.0.0.1",
    };
    expect(await render(database, keys)).to.equal(
      "demo.port=5000\ndemo.secret=x=y\nother.port=80\nhosts=10.0.0.1,10.0.0.2 b\n",
    );
  });
});
