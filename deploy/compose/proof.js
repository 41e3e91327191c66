// Signs whom nginx let in, so that nobody else who reaches the gateway can say so.
// The form is described in docs/api-keys.md, "A proxy that vouches".
import crypto from 'crypto';
import fs from 'fs';

const SECRET = fs.readFileSync('/run/secrets/proxy-proof', 'utf8').trim();

function sign(request) {
    const variables = request.variables;
    const time = Math.floor(Date.now() / 1000);
    const nonce = variables.request_id;
    const signed = ['twinward-assertion-v1', request.method, variables.request_uri, variables.subject, time, nonce].join('\n');
    const signature = crypto.createHmac('sha256', SECRET).update(signed).digest('hex');
    return `v=1,t=${time},n=${nonce},s=${signature}`;
}

export default { sign };
