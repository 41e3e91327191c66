// A token issuer without a server: writes a key set to the file named first and prints a token signed by it.
//
// Usage: node token.mjs jwks.json ISSUER SUBJECT
import { createSign, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const [file, iss, sub] = process.argv.slice(2);
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', use: 'sig', alg: 'RS256' };
writeFileSync(file, JSON.stringify({ keys: [key] }));

const iat = Math.floor(Date.now() / 1000);
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const unsigned = [
  encoded({ alg: 'RS256', kid: key.kid, typ: 'at+jwt' }),
  encoded({ iss, sub, aud: 'twinward', iat, exp: iat + 3600, jti: 'bench' }),
].join('.');
const signature = createSign('RSA-SHA256').update(unsigned).sign(privateKey, 'base64url');
process.stdout.write(`${unsigned}.${signature}\n`);
