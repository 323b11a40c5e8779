import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SECURITY_HEADERS } from '../../../shared/report/security-headers.ts';
import { PAGE_FILES } from '../../../shared/report/page-files.ts';

/** An answer to a request for data. */
export interface DataAnswer {
  status: number;
  body: unknown;
}

/** Without an icon of its own a browser would ask for one. */
const QUIET_PAGE = '<!doctype html><title>quiet</title><link rel="icon" href="data:,">';

/** Serves the built page as the function does, with data that a test makes up. */
export class PageServer implements AsyncDisposable {
  /** What is answered, by path; 404 for all others. */
  readonly answers = new Map<string, DataAnswer>();
  /** Paths that were asked for, in order. */
  readonly asked: string[] = [];
  readonly #folder: string;
  readonly #server: Server;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer(({ url = '/' }, response) => this.#answer(url, response));
  }

  static async open(folder: string): Promise<PageServer> {
    const opened = new PageServer(folder);
    await new Promise<void>((resolve) => void opened.#server.listen(0, '127.0.0.1', resolve));
    return opened;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** A page on which nothing goes on. */
  get quietUrl(): string {
    return `${this.url}quiet`;
  }

  answer(path: string, body: unknown, status = 200): void {
    this.answers.set(path, { status, body });
  }

  #answer(path: string, response: ServerResponse): void {
    this.asked.push(path);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    const file = Object.entries(PAGE_FILES).find(([known]) => known === path)?.[1];
    if (file) {
      response.writeHead(200, { 'content-type': file.type });
      response.end(readFileSync(join(this.#folder, file.name)));
      return;
    }
    if (path === '/quiet') {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end(QUIET_PAGE);
      return;
    }
    const { status, body } = this.answers.get(path) ?? {
      status: 404,
      body: { code: 'not_found', message: 'There is no such thing.' },
    };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
