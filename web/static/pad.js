// Signature pads: canvases drawn with a finger, a pen or a mouse. Every form with data-pads owns some.
// window.Pads(form) gives {missing(): name of an empty pad or '', fill(): writes the PNGs, clear()}.
(function () {
  'use strict';
  var MOST = 1200; // pixels of width: sharp enough in print, small enough to send

  function Pad(canvas) {
    var self = this;
    self.canvas = canvas;
    self.inked = 0;
    self.fit();
    self.drawing = false;
    function point(event) {
      var source = event.touches && event.touches.length ? event.touches[0] : event;
      var box = canvas.getBoundingClientRect();
      return {
        x: (source.clientX - box.left) * canvas.width / box.width,
        y: (source.clientY - box.top) * canvas.height / box.height
      };
    }
    function down(event) {
      event.preventDefault();
      self.drawing = true;
      self.last = point(event);
    }
    function move(event) {
      if (!self.drawing) { return; }
      event.preventDefault();
      self.line(point(event));
    }
    function up() { self.drawing = false; }
    if (window.PointerEvent) {
      canvas.addEventListener('pointerdown', function (event) {
        if (canvas.setPointerCapture) { canvas.setPointerCapture(event.pointerId); }
        down(event);
      });
      canvas.addEventListener('pointermove', move);
      canvas.addEventListener('pointerup', up);
      canvas.addEventListener('pointercancel', up);
    } else {
      canvas.addEventListener('mousedown', down);
      canvas.addEventListener('mousemove', move);
      window.addEventListener('mouseup', up);
      canvas.addEventListener('touchstart', down);
      canvas.addEventListener('touchmove', move);
      canvas.addEventListener('touchend', up);
    }
  }
  Pad.prototype.fit = function () {
    var ratio = Math.min(window.devicePixelRatio || 1, 2);
    var width = this.canvas.clientWidth || 300;
    this.canvas.width = Math.min(MOST, Math.round(width * ratio));
    this.canvas.height = Math.round(this.canvas.width * (this.canvas.clientHeight || 150) / width);
    this.pen = this.canvas.getContext('2d');
    this.pen.lineWidth = this.canvas.width / width * 2.4;
    this.pen.lineCap = this.pen.lineJoin = 'round';
    this.pen.strokeStyle = '#10203a';
    this.inked = 0;
  };
  Pad.prototype.line = function (to) {
    this.pen.beginPath();
    this.pen.moveTo(this.last.x, this.last.y);
    this.pen.lineTo(to.x, to.y);
    this.pen.stroke();
    this.inked += Math.abs(to.x - this.last.x) + Math.abs(to.y - this.last.y);
    this.last = to;
  };
  Pad.prototype.clear = function () {
    this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.inked = 0;
  };
  // A dot or a slip of the finger is no signature.
  Pad.prototype.empty = function () { return this.inked < 40; };

  window.Pads = function (form) {
    var pads = Array.prototype.map.call(form.querySelectorAll('canvas.pad'), function (canvas) {
      return new Pad(canvas);
    });
    Array.prototype.forEach.call(form.querySelectorAll('[data-clear]'), function (button) {
      button.addEventListener('click', function () {
        pads.forEach(function (pad) {
          if (pad.canvas.getAttribute('data-field') === button.getAttribute('data-clear')) { pad.clear(); }
        });
      });
    });
    return {
      missing: function () {
        var empty = pads.filter(function (pad) { return pad.empty(); });
        return empty.length ? empty[0].canvas.getAttribute('data-who') : '';
      },
      fill: function () {
        pads.forEach(function (pad) {
          form.elements[pad.canvas.getAttribute('data-field')].value = pad.canvas.toDataURL('image/png');
        });
      }
    };
  };
})();
