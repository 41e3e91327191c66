// Identities with keys as Edge Server makes them: prints `auth.identities` as JSON. The hashes are the cheapest that are accepted, so
// that making them takes no time; all but the last 16 have a hint, as many as may lack one.
//
// Usage: node legacy.mjs COUNT
import { createHash, randomBytes, scryptSync } from 'node:crypto';

const count = Number(process.argv[2]);
const plain = (bytes) => bytes.toString('base64').replace(/=+$/, '');
const identities = {};
for (let number = 0; number < count; number += 1) {
  const key = randomBytes(32).toString('base64');
  const salt = randomBytes(16);
  const tag = scryptSync(key, salt, 32, { N: 1024, r: 8, p: 1 });
  const phc = `scrypt$ln=10,r=8,p=1$${plain(salt)}$${plain(tag)}`;
  const credential = { api_key: Buffer.from(phc).toString('base64') };
  if (number < count - 16) {
    credential.key_hint = createHash('sha256').update(`edge-key-hint:v1:${key}`).digest('hex').slice(0, 8);
  }
  identities[`old-${number}`] = { credential, permissions: ['everything'] };
}
process.stdout.write(JSON.stringify(identities));
