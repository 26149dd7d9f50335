/**
 * The page's own script: follows /api/stream and redraws what changed. It reads the stream with fetch
 * because EventSource cannot send the token, and builds nodes with textContent only, never markup.
 * Tables look as page.ts renders them; a change there is made here too.
 */
export const PAGE_SCRIPT = `
(() => {
  'use strict';
  const SILENCE_MS = 40000;
  const STATE_CLASS = { up: 'good', ejected: 'bad', draining: 'warn', stale: 'warn' };
  const byId = (id) => document.getElementById(id);
  const drawn = new Map();
  let token = sessionStorage.getItem('watchgate-token') || '';

  const el = (tag, attributes, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const time = (at) => new Date(at).toISOString().slice(0, 19).replace('T', ' ');
  const say = (text, live) => {
    const line = byId('connection');
    if (line.textContent !== text) line.textContent = text;
    line.dataset.live = live ? 'yes' : 'no';
  };
  const table = (title, note, labels, rows) => el('div', { class: 'card' }, el('table', { role: 'table' },
    el('caption', {}, title, ' ', el('span', {}, note)),
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' },
      ...labels.map((label) => el('th', { role: 'columnheader', scope: 'col' }, label)))),
    el('tbody', { role: 'rowgroup' }, ...rows.map((cells) => el('tr', { role: 'row' },
      ...cells.map(([text, kind], column) => el('td', { role: 'cell', 'data-label': labels[column] },
        el('span', { class: kind || '' }, String(text)))))))));

  const serviceTable = (service) => {
    const up = service.endpoints.filter((endpoint) => endpoint.notEligible === null).length;
    const note = up + ' of ' + service.endpoints.length + ' endpoints take requests';
    return table(service.name, note, ENDPOINT_LABELS, service.endpoints.map((endpoint) => [
      [endpoint.address],
      [endpoint.state, STATE_CLASS[endpoint.state]],
      [endpoint.inFlight],
      [endpoint.requests],
      [endpoint.failures],
      [endpoint.latencyEwmaMs.toFixed(1) + ' ms'],
      [time(endpoint.since)],
      [endpoint.notEligible === null ? '' : endpoint.notEligible],
    ]));
  };
  const registryTable = (registry) => {
    const age = registry.confirmedMsAgo;
    return table(registry.source, registry.type, REGISTRY_LABELS, [[
      [registry.connected ? 'connected' : 'not connected', registry.connected ? 'good' : 'bad'],
      [registry.member === null ? '' : registry.member],
      [registry.revision],
      [age === null ? 'never' : (age / 1000).toFixed(1) + ' s ago'],
      [registry.services],
      [registry.endpoints],
      [registry.invalidValues.map((value) => value.key + ': ' + value.reason).join('; ')],
      [registry.lastError === null ? '' : registry.lastError],
    ]]);
  };

  const drawAll = (box, items, nameOf, draw) => {
    const nodes = items.map((item) => {
      const key = box.id + ' ' + nameOf(item);
      const text = JSON.stringify(item);
      const before = drawn.get(key);
      if (before && before.text === text) return before.node;
      const node = draw(item);
      drawn.set(key, { text, node });
      return node;
    });
    for (const [key, { node }] of drawn) if (key.startsWith(box.id + ' ') && !nodes.includes(node)) drawn.delete(key);
    if (nodes.length === 0) nodes.push(el('p', { class: 'faint' }, 'None.'));
    nodes.forEach((node, index) => {
      if (box.children[index] !== node) box.insertBefore(node, box.children[index] || null);
    });
    while (box.children.length > nodes.length) box.lastChild.remove();
  };
  const draw = (snapshot) => {
    byId('readiness').textContent = snapshot.readiness.ready
      ? 'Ready.' : 'Not ready: ' + snapshot.readiness.reasons.join('; ');
    drawAll(byId('registries'), snapshot.registries, (registry) => registry.source, registryTable);
    drawAll(byId('services'), snapshot.services, (service) => service.name, serviceTable);
    byId('content').hidden = false;
  };

  const receive = (block) => {
    let kind = 'message';
    let data = '';
    for (const line of block.split('\\n')) {
      if (line.startsWith('event: ')) kind = line.slice(7);
      else if (line.startsWith('data: ')) data += line.slice(6);
    }
    if (kind === 'snapshot') draw(JSON.parse(data));
  };
  const follow = async () => {
    const abort = new AbortController();
    let silence = setTimeout(() => abort.abort(), SILENCE_MS);
    try {
      const headers = token ? { authorization: 'Bearer ' + token } : {};
      const response = await fetch('api/stream', { headers, cache: 'no-store', signal: abort.signal });
      if (response.status === 401) return 'locked';
      if (!response.ok) return 'cut';
      byId('unlock').hidden = true;
      say('Live.', true);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return 'cut';
        clearTimeout(silence);
        silence = setTimeout(() => abort.abort(), SILENCE_MS);
        const blocks = (text + value).split('\\n\\n');
        text = blocks.pop();
        blocks.forEach(receive);
      }
    } catch (error) {
      return 'cut';
    } finally {
      clearTimeout(silence);
    }
  };
  const run = async () => {
    for (let failures = 0; ; failures += 1) {
      const began = Date.now();
      const end = await follow();
      if (end === 'locked') {
        say(token ? 'That token is not right.' : 'This page needs the admin token.', false);
        byId('unlock').hidden = false;
        return;
      }
      if (Date.now() - began > 10000) failures = 0;
      say('Connection lost at ' + time(Date.now()) + ' UTC; what is shown is from then. Reconnecting…', false);
      await new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** failures, 5000)));
    }
  };
  byId('unlock').addEventListener('submit', (event) => {
    event.preventDefault();
    token = byId('token').value.trim();
    sessionStorage.setItem('watchgate-token', token);
    run();
  });
  run();
})();
`;
