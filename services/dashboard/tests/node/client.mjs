// Connects with the npm client and prints a line of JSON for whatever happens, until it is killed.
// Usage: node client.mjs URL TRANSPORT...

import { io } from 'socket.io-client';

const [url, ...transports] = process.argv.slice(2);
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const socket = io(url, { transports });

socket.on('connect', () => print({ connected: true }));
socket.on('connect_error', (error) => print({ refused: error.message }));
socket.on('disconnect', (reason) => print({ disconnected: reason }));
socket.io.engine.on('upgrade', (transport) => print({ upgraded: transport.name }));
socket.onAny((event, payload) => print({ event, payload }));
