import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { Outgoing, guardedAgent } from '../../shared/clients/outgoing.ts';
import type { Message } from '../../shared/clients/outgoing.ts';
import { guardedLookup, isPrivateLiteral, isPublicAddress } from '../../shared/runtime/public-address.ts';
import type { LookupAll } from '../../shared/runtime/public-address.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { Receivers, WEBHOOK_SECRET, notice, targetsOf } from '../support/receivers.ts';

const { signal } = new AbortController();

const PRIVATE = `
  0.0.0.0 10.255.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1
  172.31.255.255 192.0.0.1 192.168.0.1 198.18.0.1 198.19.255.255 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1
  255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:7f00:1 ::ffff:0:7f00:1
  64:ff9b::7f00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1:: fc00::1 fdff::1 fe80::1 fe80::1%eth0
  febf::1 fec0::1 ff02::1`
  .trim()
  .split(/\s+/);
const PUBLIC = `
  1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 161.26.0.7 166.9.12.34
  172.15.255.255 172.32.0.0 192.167.255.255 223.255.255.255 2606:4700:4700::1111 2a00:1450::1 2001:4860::1`
  .trim()
  .split(/\s+/);

describe('an address', () => {
  it.each(PRIVATE)('within a network is not public: %s', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(PUBLIC)('of the open Internet is: %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
    expect([isPrivateLiteral(address), isPrivateLiteral(`[${address}]`)]).toEqual([false, false]);
  });

  it.each(['', 'receiver.example', '1.2.3', '127.0.0.1.example', '[1.1.1.1]', '1.1.1.1/8'])(
    'is needed: %j is none, and so not public',
    (text) => {
      expect(isPublicAddress(text)).toBe(false);
    },
  );

  it('of a host is told from a name', () => {
    const hosts = ['127.0.0.1', '[::1]', '[::ffff:7f00:1]', 'localhost', 'receiver.example', '10.0.0.1.example'];
    expect(hosts.map(isPrivateLiteral)).toEqual([true, true, true, false, false, false]);
  });
});

/** A name service that answers each question with the next list of addresses. */
const answering = (...lists: readonly string[][]): LookupAll => {
  const left = [...lists];
  return (_, __, callback) => {
    const addresses = (left.shift() ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    callback(null, addresses);
  };
};

const lookedUp = (lookup: LookupAll, all: boolean) =>
  new Promise((resolve) => {
    guardedLookup(lookup)('receiver.example', { all }, (error, found, family) => {
      resolve(error ? error.code : all ? found : [found, family]);
    });
  });

describe('a name', () => {
  it.each([[['10.0.0.1']], [['1.1.1.1', '10.0.0.1']], [['::ffff:1.1.1.1']], [['fd00::1', '2606:4700::1']]])(
    'that leads into a network, if only among others, is not connected to: %j',
    async (addresses) => {
      for (const all of [true, false]) expect(await lookedUp(answering(addresses), all)).toBe('EPRIVATEADDRESS');
    },
  );

  it('that leads to the open Internet is, in the form that was asked for', async () => {
    const addresses = ['1.1.1.1', '2606:4700::1'];
    expect(await lookedUp(answering(addresses), false)).toEqual(['1.1.1.1', 4]);
    expect(await lookedUp(answering(addresses), true)).toEqual([
      { address: '1.1.1.1', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ]);
  });

  it('without an address fails like one that does not exist', async () => {
    expect(await lookedUp(answering([]), true)).toBe('ENOTFOUND');
    const failing: LookupAll = (_, __, callback) => callback(Object.assign(new Error('no'), { code: 'EAI_AGAIN' }), []);
    expect(await lookedUp(failing, true)).toBe('EAI_AGAIN');
  });

  it('is asked for at each connection, so that it cannot become private after it was looked at', async () => {
    const agent = guardedAgent(answering(['10.0.0.1'], ['127.0.0.1']));
    const codes: unknown[] = [];
    for (let time = 0; time < 2; time += 1) {
      codes.push(
        await new Promise((resolve) => {
          request('https://receiver.example/', { agent }, () => resolve('answered'))
            .on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
            .end();
        }),
      );
    }
    expect(codes).toEqual(['EPRIVATEADDRESS', 'EPRIVATEADDRESS']);
    expect(agent).toBeInstanceOf(Agent);
  });
});

/** A receiver on this machine, over plain HTTP. */
async function served<T>(
  answer: (incoming: IncomingMessage, outgoing: ServerResponse, body: string) => void,
  use: (origin: string, arrivals: { path: string; headers: Record<string, string>; body: string }[]) => Promise<T>,
): Promise<T> {
  const arrivals: { path: string; headers: Record<string, string>; body: string }[] = [];
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on('data', (part: Buffer) => parts.push(part));
    incoming.on('end', () => {
      const body = Buffer.concat(parts).toString('utf8');
      arrivals.push({ path: incoming.url ?? '', headers: incoming.headers as Record<string, string>, body });
      answer(incoming, outgoing, body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, arrivals);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const messageTo = (url: string, isAllowed = true): Message => ({ url, body: '{"a": 1} ', isAllowed });

describe('a message through a socket', () => {
  it('arrives as it is, at an address that ends with a slash too', async () => {
    await served(
      (_, outgoing) => outgoing.writeHead(204).end(),
      async (origin, arrivals) => {
        const reaction = await new Outgoing({}).post(messageTo(`${origin}/hooks/`), signal);
        expect(reaction).toEqual({ status: 204, retryAfter: null });
        expect(arrivals).toMatchObject([
          {
            path: '/hooks/',
            body: '{"a": 1} ',
            headers: { 'content-type': 'application/json', 'user-agent': 'keyrota' },
          },
        ]);
      },
    );
  });

  it('is never carried on by a redirect', async () => {
    await served(
      (_, outgoing) => outgoing.writeHead(307, { location: '/elsewhere' }).end(),
      async (origin, arrivals) => {
        const reaction = await new Outgoing({}).post(messageTo(`${origin}/here`), signal);
        expect([reaction.status, arrivals.map(({ path }) => path)]).toEqual([307, ['/here']]);
      },
    );
  });

  it.each([200, 400, 410, 429, 500])('tells the status and when to come again: %s', async (status) => {
    await served(
      (_, outgoing) =>
        outgoing.writeHead(status, { 'retry-after': '7', 'content-type': 'text/html' }).end('<p>no JSON'),
      async (origin) => {
        const reaction = await new Outgoing({}).post(messageTo(origin), signal);
        expect(reaction).toEqual({ status, retryAfter: '7' });
      },
    );
  });

  it('is not answered by more than anybody would read', async () => {
    await served(
      (_, outgoing) => outgoing.writeHead(200).end('x'.repeat(3_000_000)),
      async (origin) => {
        expect(await new Outgoing({}).post(messageTo(origin), signal)).toEqual({
          status: null,
          reason: 'ERR_BAD_RESPONSE',
        });
      },
    );
  });

  it('meets a closed port, a cut connection and an end of patience without an error', async () => {
    const outgoing = new Outgoing({});
    const closed = await served(
      (_, response) => response.destroy(),
      async (origin) => {
        expect(await outgoing.post(messageTo(origin), signal)).toEqual({ status: null, reason: 'ECONNRESET' });
        return origin;
      },
    );
    expect(await outgoing.post(messageTo(closed), signal)).toEqual({ status: null, reason: 'ECONNREFUSED' });
    const ended = AbortSignal.abort();
    expect(await outgoing.post(messageTo(closed), ended)).toEqual({ status: null, reason: 'ERR_CANCELED' });
  });

  it('does not reach this machine by a name that leads here', async () => {
    await served(
      (_, outgoing) => outgoing.writeHead(200).end(),
      async (origin, arrivals) => {
        const { port } = new URL(origin);
        const outgoing = new Outgoing({}, answering(['127.0.0.1']));
        const url = `https://receiver.example:${port}/`;
        expect(await outgoing.post(messageTo(url, false), signal)).toEqual({ status: null, reason: 'EPRIVATEADDRESS' });
        expect(arrivals).toEqual([]);
      },
    );
  });

  it('to Event Notifications does not either', async () => {
    let connectionCount = 0;
    const server = createTcpServer((socket) => {
      connectionCount += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const targets = targetsOf(['events'], {
      KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL: `https://localhost:${port}/event-notifications/v1/instances/1`,
    });
    // Too short for a repeat.
    const limits = { clock: systemClock, deadlineMs: Date.now() + 400, http: {} };
    const { failed } = await new Receivers().send([notice()], targets, limits);
    server.close();
    expect([failed.length, connectionCount]).toEqual([1, 0]);
  });

  it('is a signed notice where the origin of this machine is allowed', async () => {
    await served(
      (_, outgoing) => outgoing.writeHead(200).end(),
      async (origin, arrivals) => {
        const targets = targetsOf(['webhook', 'slack'], {
          KEYROTA_NOTICE_WEBHOOK_URL: `${origin}/notices`,
          KEYROTA_NOTICE_SLACK_URL: `${origin}/slack`,
          KEYROTA_ALLOWED_TARGETS: origin,
          KEYROTA_IAM_URL: origin,
        });
        const limits = { clock: systemClock, deadlineMs: Date.now() + 10_000, http: {} };
        const { delivered, failed } = await new Receivers().send([notice()], targets, limits);
        expect([delivered.length, failed]).toEqual([2, []]);
        const signed = arrivals.find(({ path }) => path === '/notices');
        expect(new Webhook(WEBHOOK_SECRET).verify(signed?.body ?? '', signed?.headers ?? {})).toMatchObject({
          type: 'key.contained',
          data: { name: 'logs-ingest' },
        });
      },
    );
  });
});
