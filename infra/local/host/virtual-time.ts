import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';
import { promisify } from 'node:util';
import { sleepUntil, tick } from './virtual-sleep.ts';
import type { VirtualTimers } from './virtual-timers.ts';

/**
 * Puts the whole thread on virtual time: `Date`, timers, `performance.now`, `process.hrtime` and `AbortSignal.timeout`.
 * What Node itself has loaded before, such as the timeouts of sockets, stays on real time.
 */
export function installVirtualTime(nowMs: () => number, virtualTimers: VirtualTimers): void {
  installDate(nowMs);
  installTimers(virtualTimers);
  installPerformance(nowMs);
  installAbortSignal(virtualTimers);
  syncBuiltinESMExports();
}

function installDate(nowMs: () => number): void {
  const RealDate = Date;
  function VirtualDate(...args: unknown[]): string | Date {
    if (!new.target) return new RealDate(nowMs()).toString();
    const target = (new.target as unknown) === VirtualDate ? RealDate : new.target;
    return Reflect.construct(RealDate, args.length === 0 ? [nowMs()] : args, target) as Date;
  }
  RealDate.now = nowMs;
  const { UTC, parse, prototype } = RealDate;
  Object.assign(VirtualDate, { now: nowMs, UTC, parse });
  // One prototype for both, so that dates that Node makes are instances of what the bundle calls Date.
  Object.defineProperty(VirtualDate, 'prototype', { value: prototype, writable: false });
  Object.defineProperty(VirtualDate, 'name', { value: 'Date' });
  Object.defineProperty(VirtualDate, 'length', { value: RealDate.length });
  prototype.constructor = VirtualDate;
  globalThis.Date = VirtualDate as unknown as DateConstructor;
}

function installTimers(virtual: VirtualTimers): void {
  const setTimeout = (callback: unknown, delayMs?: unknown, ...args: unknown[]) =>
    virtual.set(callback, delayMs, args, false);
  const setInterval = (callback: unknown, delayMs?: unknown, ...args: unknown[]) =>
    virtual.set(callback, delayMs, args, true);
  const clear = (handle: unknown) => virtual.clear(handle);
  const promised = {
    setTimeout: sleepUntil(virtual),
    setInterval: tick(virtual),
  };
  Object.defineProperty(setTimeout, promisify.custom, { value: promised.setTimeout });
  const functions = { setTimeout, setInterval, clearTimeout: clear, clearInterval: clear };
  Object.assign(globalThis, functions);
  Object.assign(timers, functions);
  Object.assign(timersPromises, promised);
  Object.assign(timersPromises.scheduler, {
    wait: (delayMs: unknown, options?: object) => promised.setTimeout(delayMs, undefined, options),
  });
}

function installPerformance(nowMs: () => number): void {
  const startMs = nowMs();
  const now = () => nowMs() - startMs;
  Object.defineProperty(performance, 'now', { value: now, configurable: true, writable: true });
  Object.defineProperty(performance, 'timeOrigin', { value: startMs, configurable: true });
  const bigint = () => BigInt(now()) * 1_000_000n;
  const hrtime = (since: [number, number] = [0, 0]): [number, number] => {
    const ns = bigint() - (BigInt(since[0]) * 1_000_000_000n + BigInt(since[1]));
    return [Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n)];
  };
  process.hrtime = Object.assign(hrtime, { bigint });
}

function installAbortSignal(virtual: VirtualTimers): void {
  AbortSignal.timeout = (delayMs) => {
    const controller = new AbortController();
    const abort = () => controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    virtual.set(abort, delayMs, [], false).unref();
    return controller.signal;
  };
}
