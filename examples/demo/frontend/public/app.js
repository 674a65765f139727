"use strict";

fetch("/api/turnover")
  .then((response) => response.json())
  .then((answer) => { document.getElementById("turnover").value = answer.turnover; })
  .catch(() => { document.getElementById("turnover").value = "query-api does not answer"; });
