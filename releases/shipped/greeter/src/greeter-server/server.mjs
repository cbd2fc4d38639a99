import { createServer } from 'node:http';

/** Answers on `config.host`:`config.port` until SIGTERM. SIGUSR2: still answers, but says that it is going. */
async function serve(config) {
  const counter = await Counter.open(config.store);
  let draining = false;

  const server = createServer(async (request, response) => {
    const reply = (status, body) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify(body)}\n`);
    };
    if (request.method !== 'GET') return reply(405, { error: 'only GET is understood' });
    if (request.url === '/health') return reply(draining ? 503 : 200, { healthy: !draining });
    if (request.url !== '/') return reply(404, { error: `nothing at ${request.url}` });
    const { greeting, instance, peers } = config;
    reply(200, { greeting, ...instance, peers, version, pid: process.pid, count: await counter.next() });
  });

  process.on('SIGUSR2', () => (draining = true));
  process.on('SIGTERM', () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
  server.on('error', (error) => {
    console.error(`greeter: ${error.message}`);
    process.exit(1);
  });
  server.listen(config.port, config.host, () => console.log(`greeter ${version} on ${config.host}:${config.port}`));
}
