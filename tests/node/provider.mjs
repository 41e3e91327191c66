// An OpenID provider for the tests: panva's `oidc-provider`, on a free port of the loopback interface.
//
// Standard output carries one JSON line, {"port": N}, once it accepts connections. It ends when standard input does.
//
// Any client id of CLIENTS gets tokens by the client credentials grant with the secret `secret-of-<id>`. What a token
// looks like is chosen by the resource indicator (RFC 8707) `urn:<audience>:<algorithm>:<lifetime in seconds>`, for
// example `urn:twinward:ES256:3`.
//
// The control paths are ours: POST /control/rotate {"keep": bool} replaces every signing key (keep: the previous ones
// stay published), POST /control/answer {"status": N} makes discovery and keys answer N (0: as usual),
// GET /control/requests tells how often each path was asked for.
import http from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import Provider from 'oidc-provider';

// Who started this reads the first line only; a warning that nobody reads must not end the provider.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

const CLIENTS = ['alice', 'bob', 'carol', 'stranger'];

function newKeys() {
  const key = (alg, type, options) => ({
    ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
    kid: `${alg}-${randomUUID()}`,
    use: 'sig',
    alg,
  });
  return [
    key('RS256', 'rsa', { modulusLength: 2048 }),
    key('ES256', 'ec', { namedCurve: 'P-256' }),
    key('EdDSA', 'ed25519', {}),
  ];
}

function resourceServer(_context, resource) {
  const [, audience, alg, seconds] = /^urn:([^:]+):(RS256|ES256|EdDSA):(\d+)$/.exec(resource);
  return {
    audience,
    scope: '',
    accessTokenFormat: 'jwt',
    accessTokenTTL: Number(seconds),
    jwt: { sign: { alg } },
  };
}

function newProvider(issuer, keys) {
  return new Provider(issuer, {
    jwks: { keys },
    clients: CLIENTS.map((id) => ({
      client_id: id,
      client_secret: `secret-of-${id}`,
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
    })).concat([{
      // The operators' page: a public client, which proves itself by PKCE; on loopback any port will do (RFC 8252 §7.3).
      client_id: 'console',
      application_type: 'native',
      grant_types: ['authorization_code'],
      redirect_uris: ['http://127.0.0.1/console'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    }]),
    clientBasedCORS: () => true,
    cookies: { keys: [randomUUID()] },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:twinward:RS256:600',
        getResourceServerInfo: resourceServer,
        useGrantedResource: () => true,
      },
    },
  });
}

async function readJson(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text || '{}');
}

let keys = newKeys();
let forcedStatus = 0;
let issuer;
let handler;
const requests = {};

async function control(request, response) {
  if (request.url === '/control/rotate') {
    const { keep } = await readJson(request);
    keys = keep ? [...newKeys(), ...keys] : newKeys();
    handler = newProvider(issuer, keys).callback();
  } else if (request.url === '/control/answer') {
    forcedStatus = (await readJson(request)).status;
  }
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(requests));
}

const server = http.createServer((request, response) => {
  if (request.url.startsWith('/control/')) {
    control(request, response);
    return;
  }
  requests[request.url] = (requests[request.url] ?? 0) + 1;
  if (forcedStatus !== 0 && request.method === 'GET') {
    response.writeHead(forcedStatus).end();
    return;
  }
  handler(request, response);
});

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  issuer = `http://127.0.0.1:${port}`;
  handler = newProvider(issuer, keys).callback();
  process.stdout.write(`${JSON.stringify({ port })}\n`);
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
