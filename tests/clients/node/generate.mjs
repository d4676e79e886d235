// Asks the Vercel AI SDK, unmodified, for one video; prints what the SDK made of the answers as one line of JSON.
// The request comes as JSON in the first argument: {base, key, model, loopback, prompt, ...options of the SDK}.
import { createAlibaba } from '@ai-sdk/alibaba';
import { experimental_generateVideo as generateVideo } from 'ai';

const { base, key, model, loopback = true, ...request } = JSON.parse(process.argv[2]);
const alibaba = createAlibaba({ videoBaseURL: base, apiKey: key });

// What the SDK downloads with refuses loopback addresses; a client of a mock on this machine brings its own.
async function download({ url }) {
  const answer = await fetch(url);
  return { data: new Uint8Array(await answer.arrayBuffer()), mediaType: answer.headers.get('content-type') };
}

async function ask() {
  try {
    const { video, warnings, providerMetadata } = await generateVideo({
      model: alibaba.video(model),
      poll: { intervalMs: 10, timeoutMs: 1000 },
      maxRetries: 0,
      download: loopback ? download : undefined,
      ...request,
    });
    return { mediaType: video.mediaType, bytes: video.uint8Array.length, warnings, ...providerMetadata.alibaba };
  } catch (error) {
    return { name: error.name, message: error.message, statusCode: error.statusCode, data: error.data };
  }
}

console.log(JSON.stringify(await ask()));
