// Sends one request with the `fetch` that Node brings; prints status, headers and body as one line of JSON.
// The request comes as JSON in the first argument: {url, ...options of fetch}.
const { url, ...options } = JSON.parse(process.argv[2]);
const answer = await fetch(url, options);
const body = Buffer.from(await answer.arrayBuffer()).toString('base64');
console.log(JSON.stringify({ status: answer.status, headers: Object.fromEntries(answer.headers), body }));
