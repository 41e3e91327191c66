// The browser's flavour of Eclipse Ditto's JavaScript client, unchanged, on a page in Debian's chromium: its modules come from
// a server on loopback, sockets log in by `access_token`, requests by header.
//
// Standard output carries one JSON line with the page's origin; then standard input takes one with
// {"domain", "token", "namespace"}. After that come {"step": …, "result": …}, the last step is "done".
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { dirname, join, normalize } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const folder = dirname(fileURLToPath(import.meta.url));
const library = join(folder, 'node_modules/@eclipse-ditto/ditto-javascript-client-dom/dist');

/** The file of a module; the library's own imports name theirs without an ending, as for a bundler. */
function file(path) {
  if (path === '/sockets.mjs') return join(folder, 'ditto-sockets.mjs');
  const wanted = normalize(path).replace(/^\/ditto\//, '/');
  return join(library, wanted.endsWith('.js') ? wanted : `${wanted}.js`);
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://page');
  if (pathname === '/') return response.setHeader('content-type', 'text/html').end('<!doctype html><title>client</title>');
  try {
    const body = await readFile(file(pathname));
    response.setHeader('content-type', 'text/javascript').end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address();
const origin = `http://127.0.0.1:${port}`;
process.stdout.write(`${JSON.stringify({ origin })}\n`);
const lines = createInterface({ input: process.stdin });
const { value: line } = await lines[Symbol.asyncIterator]().next();
const setting = JSON.parse(line);

function report(step, result) {
  process.stdout.write(`${JSON.stringify({ step, result })}\n`);
}

/** On the page: everything over sockets, as the caller whose token it is. */
async function useClient({ domain, token, namespace }) {
  const library = await import('/ditto/index.js');
  const { useSockets } = await import('/sockets.mjs');
  const { DefaultTokenSupplier, DittoDomClient, DomHttpBearerAuth, DomWebSocketBearerAuth, Thing } = library;
  const supplier = new DefaultTokenSupplier(token);
  const http = DittoDomClient.newHttpClient().withoutTls().withDomain(domain)
    .withAuthProvider(DomHttpBearerAuth.newInstance(supplier)).build();
  const things = http.getThingsHandle();
  const thingId = `${namespace}:lamp`;
  window.report('putThing', (await things.putThing(new Thing(thingId, undefined, { site: 3 }))).status);
  const authentication = DomWebSocketBearerAuth.newInstance(supplier);
  await useSockets({ library, Client: DittoDomClient, domain, authentication, namespace, report: window.report }, http);
  await things.deleteThing(thingId);
}

/** On the page: whether a socket opens with this query. */
function opens([domain, query]) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://${domain}/ws/2${query}`);
    socket.addEventListener('open', () => resolve(true));
    socket.addEventListener('error', () => resolve(false));
  });
}

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--no-proxy-server'] });
const page = await browser.newPage();
const problems = [];
// The client rejects a promise of its own, which nobody can catch, whenever its socket closes for good.
page.on('pageerror', (error) => String(error).includes('Reconnect disabled') || problems.push(String(error)));
await page.exposeFunction('report', report);
await page.goto(origin);
await page.evaluate(useClient, setting);
report('problems', problems);
const query = `?access_token=${setting.token}`;
report('opens', await page.evaluate(opens, [setting.domain, query]));
report('opens without a token', await page.evaluate(opens, [setting.domain, '']));
report('opens with half a token', await page.evaluate(opens, [setting.domain, query.slice(0, -20)]));
// The same page under a name that is not allowed.
await page.goto(`http://localhost:${port}`);
report('opens for another origin', await page.evaluate(opens, [setting.domain, query]));
await browser.close();
server.close();
lines.close();
report('done', true);
