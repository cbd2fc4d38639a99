/** Asks a greeter until it answers as it should, or the time is up. */
async function ask(url, timeoutMs) {
  const endMs = Date.now() + timeoutMs;
  for (;;) {
    try {
      const answer = await fetch(url, {
        signal: AbortSignal.timeout(Math.max(1, Math.min(2_000, endMs - Date.now()))),
      });
      if (answer.ok) return await answer.json();
      throw new Error(`${url} answers ${answer.status}`);
    } catch (error) {
      if (Date.now() >= endMs) throw new Error(`${url}: ${error.cause?.message ?? error.message}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
