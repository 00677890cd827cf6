// The page of a count in a store. What is filled in lives in the phone until the server has it; the count
// carries a number of its own, so that sending it twice keeps it once.
(function () {
  'use strict';
  var root = document.getElementById('visit');
  if (!root) { return; }
  var token = root.getAttribute('data-token');
  var key = root.getAttribute('data-key');
  var listed = JSON.parse(root.getAttribute('data-products'));
  var MANY = 12; // products from which on a search box helps
  var MOST_PHOTOS = 9;
  var PHOTO_SIDE = 1280; // pixels of the longer side
  var sending = false;
  var rows = {}; // product id -> its row on the page
  var draft = load() || fresh();

  function $(id) { return document.getElementById(id); }
  function show(node, yes) { node.className = node.className.replace(/\s*\bhide\b/g, '') + (yes ? '' : ' hide'); }
  function make(name, css, text) {
    var node = document.createElement(name);
    node.className = css || '';
    if (text !== undefined) { node.textContent = text; }
    return node;
  }

  // ---- the draft in the phone
  function fresh() {
    return { id: newId(), opened: root.getAttribute('data-opened'), started: Date.now(), lines: {}, added: [], photos: [], place: null, ready: false, sure: false };
  }
  function load() {
    var kept = null;
    try { kept = JSON.parse(window.localStorage.getItem(key) || 'null'); } catch (broken) { return null; }
    if (!kept || !kept.id || !kept.lines) { return null; }
    // Nothing counted yet: the clock starts with this opening of the page.
    return Object.keys(kept.lines).length || kept.photos.length ? kept : null;
  }
  function save() {
    try { window.localStorage.setItem(key, JSON.stringify(draft)); return true; } catch (full) { return false; }
  }
  function newId() {
    var bytes = new Uint8Array(16);
    window.crypto.getRandomValues(bytes);
    return Array.prototype.map.call(bytes, function (b) { return ('0' + b.toString(16)).slice(-2); }).join('');
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
      done(request.status >= 500 ? null : data);
    };
    request.onerror = request.ontimeout = function () { done(null); };
    request.send(isForm ? body : JSON.stringify(body));
  }
  function send() {
    if (sending || !draft.ready) { return; }
    if (navigator.onLine === false) { waiting(); return; }
    sending = true;
    $('submit').disabled = true;
    var photo = draft.photos.filter(function (one) { return !one.sha256; })[0];
    if (photo) { sendPhoto(photo); } else { sendCount(); }
  }
  function waiting() {
    tell('queued', '没有网络，已存在手机里，有网时自动上传。');
    draw();
  }
  function ended() {
    sending = false;
    $('submit').disabled = false;
  }
  function sendPhoto(photo) {
    var form = new FormData();
    form.append('client_id', draft.id);
    form.append('photo', blobOf(photo.data), 'photo.jpg');
    post('photo', form, true, function (data) {
      ended();
      if (!data) { waiting(); return; }
      if (!data.ok) { stop(data.sentence); return; }
      photo.sha256 = data.sha256;
      save();
      send();
    });
  }
  function sendCount() {
    post('count', {
      client_id: draft.id,
      lines: linesOf(),
      photos: draft.photos.map(function (one) { return one.sha256; }),
      latitude: draft.place ? draft.place[0] : null,
      longitude: draft.place ? draft.place[1] : null,
      opened: draft.opened,
      seconds: Math.max(0, (draft.finished - draft.started) / 1000),
      phone_time: new Date(draft.finished).toISOString(),
      sure: draft.sure
    }, false, function (data) {
      ended();
      if (!data) { waiting(); return; }
      if (!data.ok) { stop(data.sentence); return; }
      if (data.question) { ask(data.question); return; }
      window.localStorage.removeItem(key);
      keepNumbers();
      draft = fresh();
      tell('ok', data.sentence);
      drawPhotos();
      drawAll();
      window.scrollTo(0, 0);
    });
  }
  function stop(sentence) {
    draft.ready = false;
    save();
    tell('no', sentence);
    draw();
    window.scrollTo(0, 0);
  }
  function ask(question) {
    draft.ready = false;
    save();
    $('question-words').textContent = question;
    show($('question'), true);
    draw();
    $('question').scrollIntoView();
  }
  // What was just kept is what is known now.
  function keepNumbers() {
    listed.concat(draft.added).forEach(function (product) {
      var line = draft.lines[product.product_id];
      if (!line) { return; }
      product.believed = bottlesOf(line);
      product.age = '刚刚盘点';
      product.wanted = false;
      if (line.lots) { product.lots.forEach(function (lot) { lot.bottles = line.lots[lot.lot_id] || 0; }); }
    });
    draft.added.forEach(function (product) { if (!known(product.product_id)) { listed.push(product); } });
  }

  // ---- lines
  function known(id) { return listed.filter(function (one) { return one.product_id === id; })[0]; }
  function all() {
    return listed.concat(draft.added.filter(function (one) { return !known(one.product_id); }));
  }
  function bottlesOf(line) {
    if (!line.lots) { return line.bottles; }
    return Object.keys(line.lots).reduce(function (sum, lot) { return sum + line.lots[lot]; }, 0);
  }
  function linesOf() {
    var lines = [];
    all().forEach(function (product) {
      var line = draft.lines[product.product_id];
      if (!line) { return; }
      if (!line.lots) { lines.push({ product_id: product.product_id, bottles: line.bottles }); return; }
      Object.keys(line.lots).forEach(function (lot) {
        lines.push({ product_id: product.product_id, lot_id: Number(lot), bottles: line.lots[lot] });
      });
    });
    return lines;
  }
  function set(product, line) {
    if (line) { draft.lines[product.product_id] = line; } else { delete draft.lines[product.product_id]; }
    draft.sure = false;
    draft.ready = false;
    show($('question'), false);
    if (!save()) { tell('no', '手机存不下了，请先删掉几张照片。'); }
    locate();
    draw();
  }

  // ---- one product on the page
  function goods(bottles, size) {
    if (size <= 1 || bottles < size) { return bottles + ' 瓶'; }
    var loose = bottles % size;
    return Math.floor(bottles / size) + ' 箱' + (loose ? ' ' + loose + ' 瓶' : '') + '（' + bottles + ' 瓶）';
  }
  function whole(input) {
    var digits = input.value.replace(/\D/g, '').slice(0, 6);
    return digits ? Number(digits) : 0;
  }
  function stepper(name, size, value, changed) {
    var row = make('div', 'stepper');
    var fields = [];
    function part(unit, start) {
      var minus = make('button', 'step', '−');
      var input = make('input', 'amount');
      var plus = make('button', 'step', '+');
      minus.type = plus.type = 'button';
      minus.setAttribute('aria-label', name + ' 减一' + unit);
      plus.setAttribute('aria-label', name + ' 加一' + unit);
      input.type = 'number';
      input.min = '0';
      input.setAttribute('inputmode', 'numeric');
      input.setAttribute('aria-label', name + ' ' + unit + '数');
      input.value = start;
      function step(by) { input.value = Math.max(0, whole(input) + by); told(); }
      minus.addEventListener('click', function () { step(-1); });
      plus.addEventListener('click', function () { step(1); });
      input.addEventListener('input', told);
      input.addEventListener('focus', function () { input.select(); });
      [minus, input, plus, make('span', '', unit)].forEach(function (node) { row.appendChild(node); });
      fields.push(input);
    }
    function told() { changed(size > 1 ? whole(fields[0]) * size + whole(fields[1]) : whole(fields[0])); }
    if (size > 1) { part('箱', Math.floor(value / size)); }
    part('瓶', size > 1 ? value % size : value);
    return row;
  }
  function build(product) {
    var card = make('div', 'card count');
    var line = draft.lines[product.product_id];
    var head = make('div', 'row');
    var title = make('b', 'grow', product.name);
    if (product.spec) { title.appendChild(make('span', 'muted small', ' ' + product.spec)); }
    head.appendChild(title);
    if (product.wanted) { head.appendChild(make('span', 'tag warn', '请数')); }
    card.appendChild(head);
    var was = product.believed === null ? '没有记录' : '系统记 ' + goods(product.believed, product.case_size);
    card.appendChild(make('p', 'muted small', was + ' · ' + product.age));
    if (line && line.lots) { lotSteppers(card, product, line); } else {
      var start = line ? line.bottles : product.believed || 0;
      card.appendChild(stepper(product.name, product.case_size, start, function (bottles) { set(product, { bottles: bottles }); }));
    }
    var foot = make('div', 'row');
    var result = make('p', 'result small');
    card.appendChild(result);
    var same = make('button', 'small-button', '一样');
    same.type = 'button';
    same.addEventListener('click', function () { set(product, { bottles: product.believed || 0 }); redo(product); });
    var clear = make('button', 'small-button', '不报');
    clear.type = 'button';
    clear.addEventListener('click', function () { set(product, null); redo(product); });
    if (product.believed !== null) { foot.appendChild(same); }
    foot.appendChild(clear);
    if (product.lots.length > 1 && !(line && line.lots)) {
      var split = make('button', 'small-button', '分批次');
      split.type = 'button';
      split.addEventListener('click', function () {
        var lots = {};
        product.lots.forEach(function (lot) { lots[lot.lot_id] = lot.bottles; });
        set(product, { lots: lots });
        redo(product);
      });
      foot.appendChild(split);
    }
    card.appendChild(foot);
    rows[product.product_id] = { card: card, result: result, clear: clear };
    return card;
  }
  function lotSteppers(card, product, line) {
    product.lots.forEach(function (lot) {
      card.appendChild(make('p', 'small', '批次 ' + lot.batch));
      card.appendChild(stepper('批次 ' + lot.batch, product.case_size, line.lots[lot.lot_id] || 0, function (bottles) {
        line.lots[lot.lot_id] = bottles;
        set(product, line);
      }));
    });
  }
  function redo(product) {
    var old = rows[product.product_id].card;
    old.parentNode.replaceChild(build(product), old);
    draw();
  }
  function drawAll() {
    $('products').textContent = '';
    all().forEach(function (product) { $('products').appendChild(build(product)); });
    draw();
  }
  function difference(product, line) {
    var counted = bottlesOf(line);
    if (product.believed === null) { return ['新点 ' + counted + ' 瓶', '']; }
    var more = counted - product.believed;
    if (!more) { return ['一样', '']; }
    var unsure = product.case_size > 1 && counted && product.believed
      && (counted === product.believed * product.case_size || counted * product.case_size === product.believed);
    var words = (more > 0 ? '多 ' : '少 ') + Math.abs(more) + ' 瓶';
    return unsure ? [words + '，是不是箱和瓶弄混了？', 'bad'] : [words, Math.abs(more) >= product.case_size ? 'warn' : ''];
  }
  function draw() {
    var kinds = 0;
    var bottles = 0;
    all().forEach(function (product) {
      var line = draft.lines[product.product_id];
      var row = rows[product.product_id];
      row.card.className = 'card count' + (line ? ' counted' : '');
      show(row.clear, !!line);
      row.result.textContent = '';
      if (!line) { return; }
      kinds += 1;
      bottles += bottlesOf(line);
      var said = difference(product, line);
      row.result.appendChild(make('span', 'tag ' + (said[1] || 'go'), said[0]));
    });
    $('sum').textContent = kinds ? '已点 ' + kinds + ' 种，共 ' + bottles + ' 瓶' : '还没有点';
    $('submit').disabled = sending || !kinds;
    $('pending').textContent = '等待上传';
    show($('pending'), draft.ready);
    show($('filter'), all().length > MANY);
  }

  // ---- what the person sees
  function tell(kind, sentence) {
    $('answer').className = 'answer ' + kind;
    $('answer').textContent = sentence;
  }

  // ---- products the list does not have
  $('find-form').addEventListener('submit', function (event) {
    event.preventDefault();
    var words = $('find-words').value.replace(/^\s+|\s+$/g, '');
    if (!words) { return; }
    post('find', { words: words }, false, function (data) {
      $('found').textContent = '';
      if (!data) { $('found').appendChild(make('p', 'muted', '没有网络，找不了。')); return; }
      if (data.sentence) { $('found').appendChild(make('p', 'muted', data.sentence)); }
      (data.products || []).forEach(function (product) {
        var button = make('button', 'wide', product.name + (product.spec ? ' ' + product.spec : ''));
        button.type = 'button';
        button.addEventListener('click', function () { add(product); });
        $('found').appendChild(button);
      });
    });
  });
  function add(product) {
    $('found').textContent = '';
    $('find-words').value = '';
    var there = rows[product.product_id];
    if (!there) {
      draft.added.push(product);
      save();
      drawAll();
      there = rows[product.product_id];
    }
    there.card.scrollIntoView();
    there.card.querySelector('input').focus();
  }
  $('filter').addEventListener('input', function () {
    var part = $('filter').value.replace(/^\s+|\s+$/g, '');
    all().forEach(function (product) { show(rows[product.product_id].card, product.name.indexOf(part) >= 0); });
  });

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
  function drawPhotos() {
    $('thumbs').textContent = '';
    draft.photos.forEach(function (photo, at) {
      var image = document.createElement('img');
      image.src = photo.data;
      image.alt = '货架照片 ' + (at + 1);
      $('thumbs').appendChild(image);
    });
  }
  $('photo').addEventListener('change', function () {
    var file = $('photo').files[0];
    if (!file) { return; }
    if (draft.photos.length >= MOST_PHOTOS) { tell('no', '一次盘点最多 ' + MOST_PHOTOS + ' 张照片。'); return; }
    shrink(file, function (data) {
      draft.photos.push({ data: data });
      if (!save()) { draft.photos.pop(); tell('no', '手机存不下这张照片，请先提交已有的。'); }
      $('photo').value = '';
      drawPhotos();
    });
  });

  // ---- place: a claim that is kept, and never a condition
  function locate() {
    if (draft.place || draft.asked || !navigator.geolocation) { return; }
    draft.asked = true;
    navigator.geolocation.getCurrentPosition(function (place) {
      draft.place = [place.coords.latitude, place.coords.longitude];
      save();
      drawPlace();
    }, function () { draft.asked = false; drawPlace(); }, { timeout: 8000, maximumAge: 60000, enableHighAccuracy: true });
  }
  function drawPlace() {
    $('place').textContent = draft.place ? '位置：已取到' : '位置：没有取到，也可以提交';
  }

  // ---- sending
  $('submit').addEventListener('click', function () {
    if (!linesOf().length) { tell('no', '还没有点任何一种酒。'); return; }
    draft.ready = true;
    draft.finished = Date.now();
    show($('question'), false);
    save();
    send();
    draw();
  });
  $('sure').addEventListener('click', function () {
    draft.sure = true;
    $('submit').click();
  });
  $('not-sure').addEventListener('click', function () { show($('question'), false); });
  window.addEventListener('online', send);
  window.setInterval(send, 10000);
  delete draft.asked;
  drawAll();
  drawPhotos();
  if (draft.place) { drawPlace(); }
  send();
})();
