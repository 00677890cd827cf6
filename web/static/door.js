// The door page: every scan gets a number of its own, waits in the phone until it is sent, and is
// answered with colour, words and sound. Sending the same scan twice counts it once on the server.
(function () {
  'use strict';
  var root = document.getElementById('door');
  if (!root) { return; }
  var token = root.getAttribute('data-token');
  var key = root.getAttribute('data-key');
  var state = JSON.parse(root.getAttribute('data-state'));
  var log = JSON.parse(root.getAttribute('data-log'));
  var TONES = { ok: 'ok', extra: 'ask', duplicate: 'twice', undone: 'twice', needs_quantity: 'ask', needs_photo: 'ask', queued: 'queued' };
  var BATCH = 50; // scans in one request
  var PHOTO_SIDE = 1280; // pixels of the longer side
  var sending = false;
  var refused = false; // the server said no: wait for the person before asking again
  var loud = true;
  var sound = null;
  var queue = load();

  function $(id) { return document.getElementById(id); }
  function tone(verdict) { return TONES[verdict] || 'no'; }
  function show(node, yes) { node.className = node.className.replace(/\s*\bhide\b/g, '') + (yes ? '' : ' hide'); }

  // ---- the queue in the phone
  function load() {
    try { return JSON.parse(window.localStorage.getItem(key) || '[]'); } catch (broken) { return []; }
  }
  function save() {
    try { window.localStorage.setItem(key, JSON.stringify(queue)); return true; } catch (full) { return false; }
  }
  function newId() {
    var bytes = new Uint8Array(16);
    window.crypto.getRandomValues(bytes);
    return Array.prototype.map.call(bytes, function (b) { return ('0' + b.toString(16)).slice(-2); }).join('');
  }
  function enqueue(scan) {
    scan.client_id = newId();
    scan.phone_time = new Date().toISOString();
    queue.push(scan);
    if (!save()) {
      queue.pop();
      tell('no', '手机存不下了，请等上面的记录上传后再扫。');
      return;
    }
    drawPending();
    refused = false;
    if (navigator.onLine === false) {
      tell('queued', '没有网络，已存在手机里，有网时自动上传。');
    }
    send();
  }

  // ---- talking to the server
  function post(verb, body, isForm, done) {
    var request = new XMLHttpRequest();
    request.open('POST', '/t/' + token + '/' + verb);
    request.timeout = 30000;
    request.setRequestHeader('X-CSRF-Token', root.getAttribute('data-csrf'));
    request.setRequestHeader('Accept', 'application/json');
    if (!isForm) { request.setRequestHeader('Content-Type', 'application/json'); }
    request.onload = function () {
      var data;
      try { data = JSON.parse(request.responseText); } catch (odd) { data = { ok: false, sentence: '服务器没有听懂，请刷新页面再试。' }; }
      done(data, request.status);
    };
    request.onerror = request.ontimeout = function () { done(null, 0); };
    request.send(isForm ? body : JSON.stringify(body));
  }

  function send() {
    if (sending || !queue.length || navigator.onLine === false) { return; }
    sending = true;
    var withPhoto = queue.filter(function (scan) { return scan.photo_data; })[0];
    if (withPhoto) { sendPhoto(withPhoto); } else { sendScans(queue.slice(0, BATCH)); }
  }
  function sendPhoto(scan) {
    var form = new FormData();
    form.append('photo', blobOf(scan.photo_data), 'photo.jpg');
    post('photo', form, true, function (data, status) {
      sending = false;
      if (!data || status >= 500) { return; }
      if (!data.ok) { drop(scan, data.sentence); return; }
      scan.photo = data.sha256;
      delete scan.photo_data;
      save();
      addThumb(data.sha256);
      send();
    });
  }
  function sendScans(scans) {
    post('scans', { scans: scans }, false, function (data, status) {
      sending = false;
      if (!data || status >= 500) {
        tell('queued', '网络不好，已存在手机里，稍后自动上传。', true);
        return;
      }
      if (!data.ok) { refused = true; tell('no', data.sentence); return; }
      data.answers.forEach(settle);
      redraw(data);
      send();
    });
  }
  function settle(answer) {
    var scan = queue.filter(function (one) { return one.client_id === answer.client_id; })[0];
    queue = queue.filter(function (one) { return one.client_id !== answer.client_id; });
    save();
    log.unshift({ client_id: answer.client_id, text: scan ? scan.text : '', verdict: answer.verdict, bottles: answer.bottles });
    tell(tone(answer.verdict), answer.sentence);
    if (answer.verdict === 'needs_quantity' || answer.verdict === 'needs_photo') { askQuantity(scan, answer); }
  }
  function drop(scan, sentence) {
    queue = queue.filter(function (one) { return one !== scan; });
    save();
    drawPending();
    tell('no', sentence);
  }
  function askQuantity(scan, answer) {
    $('manual').open = true;
    if (!$('manual').open) { $('manual').setAttribute('open', ''); }
    $('manual-text').value = scan ? scan.text : '';
    if (answer.lot_id) { $('manual-lot').value = String(answer.lot_id); }
    $('manual-bottles').focus();
  }

  // ---- what the person sees and hears
  function tell(kind, sentence, quiet) {
    var box = $('answer');
    box.className = 'answer ' + kind;
    box.textContent = sentence;
    if (quiet) { return; }
    beep(kind === 'ok');
    if (navigator.vibrate) { navigator.vibrate(kind === 'ok' ? 60 : [120, 60, 120]); }
  }
  function beep(good) {
    var Context = window.AudioContext || window.webkitAudioContext;
    if (!loud || !Context) { return; }
    try {
      sound = sound || new Context();
      var voice = sound.createOscillator();
      var volume = sound.createGain();
      voice.frequency.value = good ? 1200 : 320;
      volume.gain.value = 0.12;
      voice.connect(volume);
      volume.connect(sound.destination);
      voice.start();
      voice.stop(sound.currentTime + (good ? 0.08 : 0.3));
    } catch (silent) { loud = false; }
  }
  function cell(text, css) {
    var td = document.createElement('td');
    td.textContent = text;
    td.className = css || '';
    return td;
  }
  function redraw(data) {
    if (data && data.lots) { state = data; }
    var body = $('lots');
    body.textContent = '';
    state.lots.forEach(function (lot) {
      var row = document.createElement('tr');
      var name = cell(lot.batch);
      if (lot.extra) {
        var tag = document.createElement('span');
        tag.className = 'tag warn';
        tag.textContent = '另有 ' + lot.extra + ' 瓶待处理';
        name.appendChild(document.createTextNode(' '));
        name.appendChild(tag);
      }
      var bar = document.createElement('div');
      bar.className = 'bar' + (lot.counted > lot.bottles ? ' over' : '');
      bar.appendChild(document.createElement('i'));
      bar.firstChild.style.width = (lot.bottles ? Math.min(100, 100 * lot.counted / lot.bottles) : 0) + '%';
      name.appendChild(bar);
      row.appendChild(name);
      row.appendChild(cell(lot.bottles, 'num'));
      row.appendChild(cell(lot.counted, 'num'));
      body.appendChild(row);
    });
    drawLog();
    drawPending();
    $('rest-bottles').textContent = state.remaining;
    show($('rest'), state.remaining > 0);
    $('rest-day').required = state.remaining > 0;
  }
  function drawLog() {
    var list = $('log');
    list.textContent = '';
    log.slice(0, 60).forEach(function (entry) {
      var item = document.createElement('li');
      var dot = document.createElement('span');
      dot.className = 'dot ' + tone(entry.verdict);
      var text = document.createElement('span');
      text.className = 'text';
      text.textContent = (entry.text || '手工录入') + (entry.bottles ? ' · ' + entry.bottles + ' 瓶' : '');
      item.appendChild(dot);
      item.appendChild(text);
      if (entry.verdict === 'ok' || entry.verdict === 'extra') { item.appendChild(undoButton(entry)); }
      list.appendChild(item);
    });
  }
  function undoButton(entry) {
    var button = document.createElement('button');
    button.type = 'button';
    button.textContent = '撤销';
    button.addEventListener('click', function () {
      button.disabled = true;
      post('undo', { client_id: entry.client_id }, false, function (data) {
        button.disabled = false;
        if (!data) { tell('no', '没有网络，稍后再撤销。'); return; }
        tell(data.ok ? 'ok' : 'no', data.sentence);
        if (data.ok) {
          log = log.filter(function (one) { return one !== entry; });
          redraw(data);
        }
      });
    });
    return button;
  }
  function drawPending() {
    $('pending').textContent = '待上传 ' + queue.length + ' 条';
    show($('pending'), queue.length > 0);
  }

  // ---- photos: made small in the phone
  function shrink(file, done) {
    var picture = new Image();
    var url = URL.createObjectURL(file);
    picture.onload = function () {
      var scale = Math.min(1, PHOTO_SIDE / Math.max(picture.width, picture.height));
      var canvas = document.createElement('canvas');
      canvas.width = Math.max(1, Math.round(picture.width * scale));
      canvas.height = Math.max(1, Math.round(picture.height * scale));
      canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
      URL.revokeObjectURL(url);
      done(canvas.toDataURL('image/jpeg', 0.8));
    };
    picture.onerror = function () { URL.revokeObjectURL(url); tell('no', '这张照片打不开，请重新拍一张。'); };
    picture.src = url;
  }
  function blobOf(dataUrl) {
    var raw = window.atob(dataUrl.split(',')[1]);
    var bytes = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i += 1) { bytes[i] = raw.charCodeAt(i); }
    return new Blob([bytes], { type: 'image/jpeg' });
  }
  function addThumb(sha) {
    var image = document.createElement('img');
    image.src = '/t/' + token + '/photo/' + sha;
    image.alt = '现场照片';
    $('thumbs').appendChild(image);
  }

  // ---- forms
  $('scan-form').addEventListener('submit', function (event) {
    event.preventDefault();
    var text = $('scan-text').value.replace(/^\s+|\s+$/g, '');
    $('scan-text').value = '';
    $('scan-text').focus();
    if (text) { enqueue({ text: text }); }
  });
  $('manual-form').addEventListener('submit', function (event) {
    event.preventDefault();
    var lot = $('manual-lot');
    var caseSize = Number(lot.options[lot.selectedIndex].getAttribute('data-case')) || 1;
    var cases = $('manual-cases') ? Number($('manual-cases').value || 0) : 0;
    var bottles = cases * caseSize + Number($('manual-bottles').value || 0);
    var text = $('manual-text').value.replace(/^\s+|\s+$/g, '');
    var file = $('manual-photo').files[0];
    if (!(bottles > 0)) { tell('no', '请填数量，例如 1 箱或 3 瓶。'); return; }
    if (!text && !file) { tell('no', '没有码的酒要拍一张照片。'); return; }
    var scan = { text: text, bottles: bottles, lot_id: Number(lot.value) };
    function finish() {
      enqueue(scan);
      $('manual-form').reset();
    }
    if (!file) { finish(); return; }
    shrink(file, function (data) { scan.photo_data = data; finish(); });
  });
  $('photo-form').addEventListener('submit', function (event) {
    event.preventDefault();
    shrink($('photo').files[0], function (data) {
      var form = new FormData();
      form.append('photo', blobOf(data), 'photo.jpg');
      post('photo', form, true, function (answer) {
        if (!answer) { tell('no', '没有网络，照片没有上传，请稍后再试。'); return; }
        tell(answer.ok ? 'ok' : 'no', answer.sentence);
        if (answer.ok) { addThumb(answer.sha256); $('photo-form').reset(); }
      });
    });
  });

  // ---- signatures
  var signForm = $('sign-form');
  var pads = window.Pads(signForm);
  function complain(sentence) {
    $('sign-answer').textContent = sentence;
    show($('sign-answer'), !!sentence);
  }
  signForm.addEventListener('submit', function (event) {
    event.preventDefault();
    complain('');
    if (queue.length) { complain('还有 ' + queue.length + ' 条没有上传，请等有网络时再签字。'); send(); return; }
    if (!state.counted) { complain('还没有清点任何酒。'); return; }
    if (pads.missing()) { complain(pads.missing() + '还没有签字。'); return; }
    pads.fill();
    $('sign-button').disabled = true;
    var body = {};
    ['giver_name', 'giver_png', 'taker_png', 'day', 'latitude', 'longitude'].forEach(function (name) {
      body[name] = signForm.elements[name].value;
    });
    post('sign', body, false, function (data) {
      $('sign-button').disabled = false;
      if (!data) { complain('没有网络，签字还在，请有网时再点一次。'); return; }
      if (!data.ok) { complain(data.sentence); return; }
      window.localStorage.removeItem(key);
      window.location.reload();
    });
  });
  // Where the hand-over took place is evidence when the phone tells it, and never a condition.
  function locate() {
    if (!navigator.geolocation) { return; }
    navigator.geolocation.getCurrentPosition(function (place) {
      signForm.elements.latitude.value = place.coords.latitude;
      signForm.elements.longitude.value = place.coords.longitude;
    }, function () {}, { timeout: 8000, maximumAge: 600000 });
  }
  $('giver').addEventListener('focus', locate, { once: true });

  // ---- the camera, where the browser can read codes itself
  function startCamera() {
    var detector = new window.BarcodeDetector();
    var video = $('camera');
    var last = '';
    navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } }).then(function (stream) {
      video.srcObject = stream;
      video.play();
      show(video, true);
      $('camera-button').textContent = '关闭相机';
      $('camera-button').onclick = function () {
        stream.getTracks().forEach(function (track) { track.stop(); });
        show(video, false);
        $('camera-button').textContent = '打开相机扫码';
        $('camera-button').onclick = startCamera;
      };
      (function look() {
        if (!stream.active) { return; }
        detector.detect(video).then(function (codes) {
          if (codes.length && codes[0].rawValue !== last) {
            last = codes[0].rawValue;
            enqueue({ text: last });
            // The same code may be meant again after a while: the server says whether it counts.
            window.setTimeout(function () { last = ''; }, 4000);
          }
        }, function () {}).then(function () { window.setTimeout(look, 250); });
      })();
    }, function () { tell('no', '相机打不开，请允许使用相机，或手工输入码。'); });
  }
  if (window.BarcodeDetector && navigator.mediaDevices) {
    show($('camera-button'), true);
    $('camera-button').onclick = startCamera;
  }
  show($('sound-button'), true);
  $('sound-button').addEventListener('click', function () {
    loud = !loud;
    $('sound-button').textContent = loud ? '声音：开' : '声音：关';
  });

  Array.prototype.forEach.call(document.querySelectorAll('form[data-ask]'), function (form) {
    form.addEventListener('submit', function (event) {
      if (!window.confirm(form.getAttribute('data-ask'))) { event.preventDefault(); }
    });
  });
  window.addEventListener('online', send);
  window.setInterval(function () { if (!refused) { send(); } }, 10000);
  redraw(null);
  send();
})();
