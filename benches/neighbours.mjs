// What readers that have stalled cost one that reads: the time from a change to its event, with none of them and with many.
//
//   GATEWAY=http://127.0.0.1:8080 CREDENTIAL=… node benches/neighbours.mjs [STALLED] [EVENTS]     50 and 300 unless told; limits.streams_per_* bound the first
//
// CREDENTIAL is a bearer token or API key that may create things. Rounds with and without stalled readers alternate, five of
// each; events have 32 KiB. Needs Node.js 18 or later, and no package.
import net from "node:net";

const gateway = new URL(process.env.GATEWAY ?? "http://127.0.0.1:8080");
const authorization = `Bearer ${process.env.CREDENTIAL}`;
const [stalled = 50, events = 300] = process.argv.slice(2).map(Number);
const attribute = new URL("/api/2/things/bench:neighbours/attributes/x", gateway);

function frame(text) {
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
}

/** A subscriber on a raw socket, so that it can leave what it is sent unread. */
function subscriber(onData) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(gateway.port, gateway.hostname);
    let head = "";
    socket.on("error", reject);
    socket.on("connect", () => socket.write(
      `GET /ws/2 HTTP/1.1\r\nhost: ${gateway.host}\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
      `sec-websocket-version: 13\r\nsec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==\r\nauthorization: ${authorization}\r\n\r\n`));
    socket.on("data", function started(data) {
      const before = head;
      head += data.toString("latin1");
      if (head.includes("\r\n") && !head.startsWith("HTTP/1.1 101")) return reject(new Error(head.split("\r\n")[0]));
      if (!before.includes("\r\n\r\n") && head.includes("\r\n\r\n")) socket.write(frame("START-SEND-EVENTS"));
      if (!head.includes("START-SEND-EVENTS:ACK")) return;
      socket.off("data", started);
      if (onData) socket.on("data", onData);
      else socket.pause();
      resolve(socket);
    });
  });
}

/** Before that many events the buffers of the kernel are not full, which grow to 4 MiB, so that nobody has stalled yet. */
const filling = 200;

async function put(url, body) {
  const headers = { authorization, "content-type": "application/json" };
  const answer = await fetch(url, { method: "PUT", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  await answer.arrayBuffer();
}

async function round(count) {
  let seen = "";
  let arrived = () => {};
  const healthy = await subscriber((data) => {
    seen = (seen + data.toString("latin1")).slice(-data.length - 16);
    if (seen.includes(">mark<")) { seen = ""; arrived(); }
  });
  const others = [];
  for (let number = 0; number < count; number++) others.push(await subscriber());
  const times = [];
  for (let number = -filling; number < events; number++) {
    const started = performance.now();
    const event = new Promise((resolve) => { arrived = resolve; });
    await Promise.all([put(attribute, `${"x".repeat(32 * 1024)}${number}>mark<`), event]);
    if (number >= 0) times.push(performance.now() - started);
  }
  for (const socket of [healthy, ...others]) socket.destroy();
  times.sort((one, other) => one - other);
  return { p50: times[Math.floor(times.length / 2)], p99: times[Math.floor(times.length * 0.99)] };
}

await put(new URL("/api/2/things/bench:neighbours", gateway), {});
for (let number = 0; number < 5; number++) {
  for (const count of [0, stalled]) {
    const { p50, p99 } = await round(count);
    console.log(`${count} stalled: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`);
  }
}
