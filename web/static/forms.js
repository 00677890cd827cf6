// Pages work without this file; it only keeps a form from being sent twice and asks before hard steps.
(function () {
  'use strict';
  function guard(form) {
    form.addEventListener('submit', function (event) {
      var question = form.getAttribute('data-ask');
      if (form.getAttribute('data-sent') || (question && !window.confirm(question))) {
        event.preventDefault();
        return;
      }
      form.setAttribute('data-sent', '1');
      // A page that comes back from the browser's memory must be usable again.
      window.setTimeout(function () { form.removeAttribute('data-sent'); }, 8000);
    });
  }
  Array.prototype.forEach.call(document.querySelectorAll('form'), guard);
})();
