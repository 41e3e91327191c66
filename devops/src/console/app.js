// The operators' page: shows what the operator API tells, live, and calls it. Nothing is kept beyond this tab, and text
// from outside is only ever set as text.

const by = (id) => document.getElementById(id);
let token = null; // Only in memory: a reload logs in again.
let login = null;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function headers(extra = {}) {
  return token === null ? extra : { ...extra, authorization: `Bearer ${token}` };
}

async function call(method, path, body) {
  const options = { method, headers: headers(), cache: 'no-store' };
  if (body !== undefined) options.body = JSON.stringify(body);
  const response = await fetch(path, options);
  if (response.ok) return response.status === 204 ? null : response.json();
  if (response.status === 401) needLogin();
  const error = await response.json().catch(() => ({}));
  throw new Error(`${error.message ?? response.status} ${error.description ?? ''}`);
}

function tell(problem) {
  by('problem').textContent = problem;
  by('problem').hidden = problem === '';
}

async function act(work) {
  try {
    await work();
    tell('');
  } catch (error) {
    tell(error.message);
  }
}

function action(name, subject, work) {
  const button = element('button', { type: 'button', textContent: name });
  button.setAttribute('aria-label', `${name} ${subject}`);
  button.addEventListener('click', () => act(work));
  return button;
}

// Rows that did not change stay: whoever is about to press one of their buttons keeps the focus.
function table(id, names, rows) {
  const target = by(id);
  const shown = JSON.stringify(rows.map((row) => row.key));
  if (target.dataset.shown === shown) return;
  target.dataset.shown = shown;
  const head = element('tr', {}, ...names.map((name) => element('th', { scope: 'col', textContent: name })));
  const body = rows.map((row) => element('tr', {}, ...row.cells.map((cell) => element('td', {}, cell ?? ''))));
  const empty = element('tr', {}, element('td', { colSpan: names.length, textContent: 'none' }));
  target.replaceChildren(element('thead', {}, head), element('tbody', {}, ...(body.length > 0 ? body : [empty])));
}

function tree(node) {
  const status = element('span', { className: node.status.toLowerCase(), textContent: node.status });
  const item = element('li', {}, element('strong', { textContent: `${node.label ?? 'process'} ` }), status);
  for (const detail of node.details ?? []) {
    const [level, value] = Object.entries(detail)[0];
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    item.append(element('div', { className: `detail ${level === 'WARN' ? 'warn' : level === 'ERROR' ? 'down' : ''}`, textContent: text }));
  }
  if (node.children) item.append(element('ul', { className: 'tree' }, ...node.children.map(tree)));
  return item;
}

function show(state) {
  by('overall').textContent = state.health.status;
  by('overall').className = `badge ${state.health.status.toLowerCase()}`;
  by('live').textContent = `as of ${new Date(state.at).toLocaleTimeString()}`;
  by('health').replaceChildren(element('ul', { className: 'tree' }, tree(state.health)));
  table('issuers', ['Listener', 'Name', 'Issuer', 'Keys', 'Age of the keys', 'Problem'], state.issuers.map((issuer) => ({
    key: [issuer, age(issuer, state.at)],
    cells: [issuer.listener, issuer.name, issuer.issuer, usable(issuer), age(issuer, state.at), issuer.failing],
  })));
  by('open').textContent = `(${state.sessions.open})`;
  table('sessions', ['Kind', 'Subjects', 'Source', 'Since', 'Expires', 'Sent', ''], state.sessions.shown.map((session) => ({
    key: [session.id, session.expiresAt, session.delivered],
    cells: [session.kind, session.subjects.join(', '), session.source, session.openedAt, session.expiresAt, String(session.delivered),
      action('Cut', session.subjects[0] ?? session.id, () => call('DELETE', `/devops/sessions/${encodeURIComponent(session.id)}`))],
  })));
  table('limits', ['Limit', 'Who', 'Refused', 'Wait', ''], state.limited.map((limited) => ({
    key: [limited.id, limited.refused, limited.waitSeconds],
    cells: [limited.limit, limited.who, String(limited.refused), limited.waitSeconds ? `${limited.waitSeconds} s` : '',
      action('Unblock', limited.who, () => call('DELETE', `/devops/limits/${encodeURIComponent(limited.id)}`))],
  })));
  table('denials', ['When', 'Status', 'Method', 'Route', 'Source', 'Correlation id'], state.denials.map((denial) => ({
    key: denial.correlationId,
    cells: [denial.at, String(denial.status), denial.method, denial.route, denial.source, denial.correlationId],
  })));
  table('revocations', ['Kind', 'Value', 'Issued before', 'Permanent', 'By', 'Reason', ''], state.revocations.map((revocation) => ({
    key: revocation,
    cells: [revocation.kind, revocation.value, revocation.issuedBefore, revocation.permanent ? 'yes' : 'no', revocation.createdBy, revocation.reason,
      action('Remove', revocation.value, () => call('DELETE', `/devops/revocations/${encodeURIComponent(revocation.id)}`))],
  })));
  table('loggers', ['Logger', 'Level'], state.loggers.map((logger) => ({
    key: logger,
    cells: [logger.logger, levels(logger)],
  })));
}

function usable(issuer) {
  return issuer.usable ? String(issuer.keys) : element('span', { className: 'down', textContent: `${issuer.keys}, not usable` });
}

// Since the keys were fetched; those of a file are never fetched.
function age(issuer, at) {
  if (issuer.lastSuccess === null) return issuer.usable ? 'from a file' : 'never fetched';
  const seconds = Math.max(0, Math.round((new Date(at) - new Date(issuer.lastSuccess)) / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function levels(logger) {
  const names = ['off', 'error', 'warn', 'info', 'debug', 'trace', 'all'];
  const select = element('select', {}, ...names.map((name) => element('option', { textContent: name, selected: name === logger.level })));
  select.setAttribute('aria-label', `Level of ${logger.logger}`);
  select.addEventListener('change', () => act(() => call('PUT', '/devops/logging', { logger: logger.logger, level: select.value })));
  return select;
}

// Server-sent events by fetch: EventSource cannot send a token.
async function follow() {
  const response = await fetch('/devops/console/events', { headers: headers(), cache: 'no-store' });
  if (response.status === 401) return needLogin();
  if (!response.ok) throw new Error(`The service answered ${response.status}.`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return undefined;
    text += value;
    const events = text.split('\n\n');
    text = events.pop();
    for (const event of events) {
      const data = event.split('\n').filter((line) => line.startsWith('data: ')).map((line) => line.slice(6)).join('\n');
      if (data !== '') show(JSON.parse(data));
    }
  }
}

let last = null;
async function measure() {
  const response = await fetch('/metrics', { headers: headers(), cache: 'no-store' });
  if (!response.ok) return;
  const now = { at: performance.now(), requests: 0, refused: 0, events: 0 };
  for (const line of (await response.text()).split('\n')) {
    const value = Number(line.slice(line.lastIndexOf(' ') + 1));
    if (line.startsWith('roundtrip_http_seconds_count')) {
      now.requests += value;
      if (/ditto_statusCode="4(01|03|29)"/.test(line)) now.refused += value;
    } else if (line.startsWith('streaming_messages_total') && line.includes('direction="out"')) {
      now.events += value;
    }
  }
  if (last !== null) {
    const seconds = (now.at - last.at) / 1000;
    const rates = ['requests', 'refused', 'events'].map((name) => [`${name} per second`, ((now[name] - last[name]) / seconds).toFixed(1)]);
    by('rates').replaceChildren(...rates.map(([name, rate]) => element('div', {}, element('dt', { textContent: name }), element('dd', { textContent: rate }))));
  }
  last = now;
}

function needLogin() {
  token = null;
  by('live').textContent = 'not logged in';
  by('login').hidden = login.method !== 'oauth2';
}

// OAuth 2.0 authorization code with PKCE (RFC 7636).
const encoded = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const random = () => encoded(crypto.getRandomValues(new Uint8Array(32)));
const redirect = () => `${location.origin}/console`;

async function endpoints() {
  const response = await fetch(`${login.issuer}/.well-known/openid-configuration`);
  return response.json();
}

async function goToLogin() {
  const { authorization_endpoint: target } = await endpoints();
  const [verifier, state] = [random(), random()];
  sessionStorage.setItem('login', JSON.stringify({ verifier, state }));
  const challenge = encoded(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
  const query = new URLSearchParams({
    response_type: 'code', client_id: login.clientId, redirect_uri: redirect(), scope: login.scope,
    state, code_challenge: challenge, code_challenge_method: 'S256',
  });
  if (login.resource) query.set('resource', login.resource);
  location.assign(`${target}?${query}`);
}

async function comeBack(query) {
  const { verifier, state } = JSON.parse(sessionStorage.getItem('login') ?? '{}');
  sessionStorage.removeItem('login');
  history.replaceState(null, '', '/console');
  if (query.get('error')) throw new Error(`The issuer refused: ${query.get('error')}.`);
  if (!state || query.get('state') !== state) throw new Error('This log-in was not started here. Log in again.');
  const { token_endpoint: target } = await endpoints();
  const form = new URLSearchParams({
    grant_type: 'authorization_code', code: query.get('code'), redirect_uri: redirect(),
    client_id: login.clientId, code_verifier: verifier,
  });
  if (login.resource) form.set('resource', login.resource);
  const response = await fetch(target, { method: 'POST', body: form });
  const answer = await response.json();
  if (!response.ok) throw new Error(`The issuer gave no token: ${answer.error}.`);
  token = answer.access_token;
}

async function stayConnected() {
  for (;;) {
    await act(follow);
    if (login.method === 'oauth2' && token === null) return;
    by('live').textContent = 'connecting again';
    await new Promise((resolve) => { setTimeout(resolve, 2000); });
  }
}

by('revoke').addEventListener('submit', (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const body = { kind: form.get('kind'), value: form.get('value'), permanent: form.get('permanent') !== null };
  if (form.get('reason')) body.reason = form.get('reason');
  act(async () => {
    await call('POST', '/devops/revocations', body);
    event.target.reset();
  });
});
by('login').addEventListener('click', () => act(goToLogin));

await act(async () => {
  login = await call('GET', '/console/login.json');
  const query = new URLSearchParams(location.search);
  if (login.method === 'oauth2' && (query.has('code') || query.has('error'))) await comeBack(query);
});
if (login !== null && (login.method === 'basic' || token !== null)) {
  setInterval(() => measure().catch(() => {}), 5000);
  measure().catch(() => {});
  stayConnected();
} else if (login !== null) {
  needLogin();
}
