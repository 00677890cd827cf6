// The warehouse page: signatures go into their form, grades show what is still missing, photos shrink.
(function () {
  'use strict';
  var PHOTO_SIDE = 1280; // pixels of the longer side
  function each(selector, root, act) { Array.prototype.forEach.call(root.querySelectorAll(selector), act); }

  each('form[data-pads]', document, function (form) {
    var pads = window.Pads(form);
    var complaint = form.querySelector('[data-complaint]');
    form.addEventListener('submit', function (event) {
      if (pads.missing()) {
        event.preventDefault();
        complaint.textContent = pads.missing() + '还没有签字。';
        complaint.className = 'notice bad';
        return;
      }
      pads.fill();
    });
  });

  each('[data-total]', document, function (lot) {
    var left = lot.querySelector('[data-left]');
    function draw() {
      var sum = 0;
      each('input', lot, function (input) { sum += Number(input.value || 0); });
      var open = Number(lot.getAttribute('data-total')) - sum;
      left.textContent = open > 0 ? '还差 ' + open + ' 瓶' : '多了 ' + (-open) + ' 瓶';
      left.className = 'tag warn' + (open === 0 ? ' hide' : '');
    }
    each('input', lot, function (input) { input.addEventListener('input', draw); });
  });

  each('form[data-shrink] input[type=file]', document, function (input) {
    input.addEventListener('change', function () {
      var file = input.files[0];
      if (!file || !window.DataTransfer || !HTMLCanvasElement.prototype.toBlob) { return; }
      var picture = new Image();
      picture.onload = function () {
        var scale = Math.min(1, PHOTO_SIDE / Math.max(picture.width, picture.height));
        var canvas = document.createElement('canvas');
        canvas.width = Math.max(1, Math.round(picture.width * scale));
        canvas.height = Math.max(1, Math.round(picture.height * scale));
        canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
        URL.revokeObjectURL(picture.src);
        canvas.toBlob(function (blob) {
          var carrier = new DataTransfer();
          carrier.items.add(new File([blob], 'photo.jpg', { type: 'image/jpeg' }));
          input.files = carrier.files;
        }, 'image/jpeg', 0.8);
      };
      picture.src = URL.createObjectURL(file);
    });
  });
})();
