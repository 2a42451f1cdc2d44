"""A real SMTP server that keeps the mails it takes, and can refuse addresses."""

import socketserver
import ssl
import threading
from contextlib import contextmanager


class MailHandler(socketserver.StreamRequestHandler):
    """Enough of SMTP for one mail: EHLO, STARTTLS, AUTH PLAIN, MAIL, RCPT, DATA, QUIT."""

    def handle(self):
        self.reply("220 mail.test")
        while line := self.rfile.readline().decode().strip():
            self.server.commands.append(line)
            self.answer_command(line.partition(" ")[0].upper())

    def answer_command(self, verb):
        if verb == "EHLO":
            starttls = "250-STARTTLS\r\n" if self.server.tls_context else ""
            self.reply(f"250-mail.test\r\n{starttls}250 AUTH PLAIN")
        elif verb == "STARTTLS":
            self.reply("220 go ahead")
            self.request = self.server.tls_context.wrap_socket(self.request, server_side=True)
            self.setup()
        elif verb == "RCPT" and self.server.refusal:
            self.reply(self.server.refusal)
        elif verb == "AUTH" and self.server.login_refusal:
            self.reply(self.server.login_refusal)
        elif verb == "DATA":
            self.reply("354 go ahead")
            lines = iter(self.rfile.readline, b".\r\n")
            self.server.mails.append(b"".join(lines).decode())
            self.reply("250 stored")
        elif verb == "QUIT":
            self.reply("221 bye")
        else:
            self.reply("235 ok" if verb == "AUTH" else "250 ok")

    def reply(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class MailServerOfTest(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_arguments):
        """A client that does not accept the certificate hangs up; the test asserts that."""


@contextmanager
def run_mail_server(certificate=None, *, port=0):
    """`refusal` is what each recipient is answered, `login_refusal` what each login, if set."""
    with MailServerOfTest(("127.0.0.1", port), MailHandler) as server:
        server.commands, server.mails, server.tls_context = [], [], None
        server.refusal = server.login_refusal = None
        if certificate is not None:
            server.tls_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.tls_context.load_cert_chain(certificate.certificate_file, certificate.key_file)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
