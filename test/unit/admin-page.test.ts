import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { bundleOf } from '../../src/admin/dashboard/bundle.js';
import { html } from '../../src/admin/dashboard/html.js';
import { renderLockedPage, renderPage } from '../../src/admin/dashboard/page.js';
import { endpointView, registryView, serviceView } from '../support/fake-gateway.js';

const evil = `"><script>alert('x')</script>&amp;`;
const bundle = bundleOf('let script;', 'p { color: red }');
const ready = { ready: true, reasons: [] };

const between = (page: string, tag: string): string =>
  new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(page)?.[1] ?? assert.fail(`no <${tag}>`);

/** What a person reads: the page without style, script and tags. */
const textOf = (page: string): string =>
  page
    .replace(/<(style|script)>[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');

describe('the html template', () => {
  test('escapes what is put into it, in text and in quoted attributes', () => {
    assert.equal(
      html`<p title="${evil}">${evil}</p>`.text,
      '<p title="&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;">&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;</p>',
    );
  });

  test('keeps what another template made, alone or in a list', () => {
    assert.equal(
      html`${html`<b>${'<'}</b>`}${[html`<i>1</i>`, html`<i>2</i>`]}${3}`.text,
      '<b>&lt;</b><i>1</i><i>2</i>3',
    );
  });
});

describe('the page', () => {
  test('lists services, endpoints and registries without JavaScript', () => {
    const page = renderPage(bundle, {
      readiness: ready,
      registries: [registryView({ invalidValues: [{ key: '/r/goods/x', reason: 'has no :port' }] })],
      services: [
        serviceView('goods', [
          endpointView('10.0.0.5:80', {
            inFlight: 4,
            requests: 1234,
            failures: 5,
            latencyP50Ms: 2.34,
            latencyP99Ms: 9.9,
          }),
          endpointView('10.0.0.6:80', { state: 'draining', notEligible: 'told to leave' }),
        ]),
      ],
    });
    const text = textOf(page);
    assert.match(text, /goods 1 of 2 endpoints take requests/);
    assert.match(text, /10\.0\.0\.5:80 up 4 1234 5 2\.3 \/ 9\.9 ms 1 2026-01-02 03:04:05/);
    assert.match(text, /10\.0\.0\.6:80 draining .* told to leave/);
    assert.match(
      text,
      /main etcd .* connected http:\/\/127\.0\.0\.1:2379 42 1\.5 s ago .* \/r\/goods\/x: has no :port/,
    );
  });

  test('says so when there is nothing, and why the gateway is not ready', () => {
    const readiness = { ready: false, reasons: ['registry main: no complete list yet'] };
    const text = textOf(renderPage(bundle, { readiness, registries: [], services: [] }));
    assert.match(text, /Not ready: registry main: no complete list yet/);
    assert.match(text, /Services None\. Registries None\./);
  });

  test('shows markup in names, addresses, reasons, keys and errors as text', () => {
    const page = renderPage(bundle, {
      readiness: { ready: false, reasons: [evil] },
      registries: [
        registryView({
          source: evil,
          member: evil,
          lastError: evil,
          invalidValues: [{ key: evil, reason: evil }],
        }),
      ],
      services: [serviceView(evil, [endpointView(evil, { notEligible: evil })])],
    });
    assert.equal(page.split('<script').length, 2, 'only the own script');
    assert.equal(page.includes(evil), false);
    assert.equal(page.split('&quot;&gt;&lt;script&gt;').length - 1, 9);
  });

  test('loads nothing from elsewhere, and allows exactly its own style and script', () => {
    const page = renderPage(bundle, { readiness: ready, registries: [], services: [] });
    assert.doesNotMatch(page, /\b(?:src|href)="(?!data:,)/);
    assert.doesNotMatch(page, /\son[a-z]+=|\sstyle=|@import|url\(/);
    for (const tag of ['style', 'script']) {
      const hash = createHash('sha256').update(between(page, tag)).digest('base64');
      assert.ok(bundle.contentSecurityPolicy.includes(`${tag}-src 'sha256-${hash}'`), tag);
    }
    assert.match(bundle.contentSecurityPolicy, /^default-src 'none';/);
    assert.doesNotMatch(bundle.contentSecurityPolicy, /unsafe/);
  });

  test('is plain tables in a checkout that was never built', () => {
    const page = renderPage(bundleOf('', ''), { readiness: ready, registries: [], services: [] });
    assert.doesNotMatch(page, /noscript/);
    assert.match(textOf(page), /Services None\./);
  });

  test('has the same script when locked, so that the one policy serves both', () => {
    const open = renderPage(bundle, { readiness: ready, registries: [], services: [] });
    assert.equal(between(renderLockedPage(bundle), 'script'), between(open, 'script'));
    assert.equal(between(renderLockedPage(bundle), 'style'), between(open, 'style'));
  });
});
