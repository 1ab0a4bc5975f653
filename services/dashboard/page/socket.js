// A Socket.IO v5 client that only listens: Engine.IO v4 over WebSocket, default namespace.
//
// Engine.IO frames begin with a digit: 0 open, 1 close, 2 ping, 3 pong, 4 message. A message's next digit
// is Socket.IO's: 0 connected, 1 disconnected, 2 event, 4 refused.

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;

/**
 * Connects, and again whenever the connection is lost.
 * @param {(event: string, payload: any) => void} onEvent
 * @param {(connected: boolean) => void} onState
 */
export function listen(onEvent, onState) {
  let failures = 0;

  function connect() {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/socket.io/?EIO=4&transport=websocket`);
    let silence = 0; // the longest the server may be silent, in ms
    let watchdog;

    function alive() {
      clearTimeout(watchdog);
      if (silence) watchdog = setTimeout(() => socket.close(), silence);
    }

    function onMessage(text) {
      if (text.startsWith('0')) {
        onState(true);
        failures = 0;
      } else if (text.startsWith('1') || text.startsWith('4')) {
        socket.close();
      } else if (text.startsWith('2[')) {
        const [event, payload] = JSON.parse(text.slice(1));
        onEvent(event, payload);
      }
    }

    function onFrame(text) {
      alive();
      if (text.startsWith('0')) {
        const { pingInterval, pingTimeout } = JSON.parse(text.slice(1));
        silence = pingInterval + pingTimeout;
        socket.send('40');
      } else if (text.startsWith('1')) {
        socket.close();
      } else if (text.startsWith('2')) {
        socket.send('3');
      } else if (text.startsWith('4')) {
        onMessage(text.slice(1));
      }
    }

    socket.onmessage = (message) => onFrame(message.data);
    socket.onclose = () => {
      clearTimeout(watchdog);
      onState(false);
      const pause = Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE);
      failures += 1;
      // spread, so that all clients of a restarted server do not come at once
      setTimeout(connect, pause * (0.5 + Math.random()));
    };
  }

  connect();
}
