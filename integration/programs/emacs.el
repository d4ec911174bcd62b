;; Copyright 2026 The smime-policy authors
;; SPDX-License-Identifier: Apache-2.0

;; Driven by test_program_emacs.py: what a user of Emacs does, and what they then find.
(require 'message)
(require 'mm-view)
(require 'mml-smime)
(require 'smime)

(defun show-details ()
  "Print what Emacs keeps of openssl's output."
  (when (get-buffer smime-details-buffer)
    (princ (with-current-buffer smime-details-buffer (buffer-string)))))

(defun send (tag)
  "Write a mail that begins with the MML tag TAG and send it."
  (message-mail "good_chain@example.com" "subject")
  (message-goto-body)
  (insert tag "\nthe quick brown fox.\n")
  (condition-case err
      (message-send)
    (error (princ (format "%s\n" (error-message-string err)))
           (show-details)
           (kill-emacs 1))))

(defun insert-mail (file)
  (set-buffer-multibyte nil)
  (insert-file-contents-literally file)
  (while (search-forward "\r\n" nil t)
    (replace-match "\n"))
  (goto-char (point-min)))

(defun read-signed (file)
  "What Gnus says of the signature of the mail in FILE."
  (with-temp-buffer
    (insert-mail file)
    (let* ((mm-verify-option 'always)
           (handle (mm-dissect-buffer)))
      (princ (mm-handle-multipart-ctl-parameter handle 'gnus-info)))))

(defun on-mail (file function &rest arguments)
  "Call FUNCTION in a buffer with the mail in FILE; print the result, the buffer and the details."
  (with-temp-buffer
    (insert-mail file)
    (princ (format "result: %s\n" (and (apply function arguments) t)))
    (princ (buffer-string))
    (show-details)))
