import { lookup as systemLookup } from 'node:dns';
import type { LookupAddress, LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import type { LookupFunction } from 'node:net';

/** IPv4 that is not of the open Internet. https://www.iana.org/assignments/iana-ipv4-special-registry */
const IPV4_RANGES = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // carriers' NAT
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local, also where clouds tell machines about themselves
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
] as const;

/** The same of IPv6, with every way to write an IPv4 address in it. https://www.iana.org/assignments/iana-ipv6-special-registry */
const IPV6_RANGES = [
  ['::', 96], // unspecified, loopback, and IPv4-compatible
  ['::ffff:0:0', 96], // IPv4-mapped
  ['::ffff:0:0:0', 96], // IPv4-translated
  ['64:ff9b::', 96], // IPv4 behind a translator
  ['64:ff9b:1::', 48], // the same within one network
  ['100::', 64], // discarded
  ['2001::', 32], // Teredo
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4
  ['fc00::', 7], // unique-local
  ['fe80::', 10], // link-local
  ['fec0::', 10], // site-local
  ['ff00::', 8], // multicast
] as const;

/** Two lists: for Node a rule about IPv4-mapped addresses is one about all of IPv4. */
const ipv4 = new BlockList();
for (const [net, prefix] of IPV4_RANGES) ipv4.addSubnet(net, prefix, 'ipv4');
const ipv6 = new BlockList();
for (const [net, prefix] of IPV6_RANGES) ipv6.addSubnet(net, prefix, 'ipv6');

/** Whether an IP address, without brackets, is one of the open Internet. What is no address is not. */
export function isPublicAddress(address: string): boolean {
  const [bare = ''] = address.split('%'); // the zone of a link-local address
  const family = isIP(bare);
  if (family === 0) return false;
  return family === 4 ? !ipv4.check(bare, 'ipv4') : !ipv6.check(bare, 'ipv6');
}

/** Whether the host of a URL, as `URL.hostname` has it, is an address that is not of the open Internet. Names are not asked for. */
export function isPrivateLiteral(hostname: string): boolean {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) !== 0 && !isPublicAddress(bare);
}

/** Asks for all addresses of a name; as `lookup` of node:dns. */
export type LookupAll = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** What a connection fails with whose name leads to an address that is not of the open Internet. */
const REFUSED = 'EPRIVATEADDRESS';

/**
 * A `lookup` for connections that lets nobody through to a private network: what a name leads to is checked at the very moment
 * of connecting, so a name that changes its address meanwhile (DNS rebinding) wins nothing. One private address among several
 * refuses them all.
 */
export function guardedLookup(lookup: LookupAll = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || !first) {
        callback(error ?? failure('ENOTFOUND', `no address for ${hostname}`), '');
      } else if (!addresses.every(({ address }) => isPublicAddress(address))) {
        callback(failure(REFUSED, `${hostname} is not on the open Internet`), '');
      } else if (options.all) {
        callback(null, addresses);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
}

const failure = (code: string, message: string): NodeJS.ErrnoException => Object.assign(new Error(message), { code });
