<?php
// Sends one message with PHPMailer, as PHP applications do.
//
// Use: php phpmailer.php JSON     {host, port, secure, ca, username, password, from, name, to, subject, html, text,
//                                  headers, attachment: {path, name}, image: {path, cid}}
// `secure` is PHPMailer's own word: "tls" (STARTTLS), "ssl", or "" for none.
// Prints what both sides say; status 1 and the error when the message was not taken.
require '/usr/share/php/libphp-phpmailer/src/Exception.php';
require '/usr/share/php/libphp-phpmailer/src/PHPMailer.php';
require '/usr/share/php/libphp-phpmailer/src/SMTP.php';

use PHPMailer\PHPMailer\PHPMailer;

$asked = json_decode($argv[1], true);
$mail = new PHPMailer(true);
try {
    $mail->isSMTP();
    $mail->Host = $asked['host'];
    $mail->SMTPAuth = true;
    $mail->Username = $asked['username'];
    $mail->Password = $asked['password'];
    $mail->SMTPSecure = $asked['secure'];
    $mail->SMTPAutoTLS = $asked['secure'] !== '';
    $mail->SMTPOptions = ['ssl' => ['cafile' => $asked['ca']]];
    $mail->SMTPDebug = 2;  // PHPMailer keeps the server's replies to itself otherwise
    $mail->Debugoutput = fn ($text) => print(rtrim($text) . "\n");
    $mail->Port = $asked['port'];
    $mail->CharSet = PHPMailer::CHARSET_UTF8;
    $mail->setFrom($asked['from'], $asked['name']);
    foreach ($asked['to'] as $address) {
        $mail->addAddress($address, 'John Doe');
    }
    $mail->Subject = $asked['subject'];
    $mail->isHTML(true);
    $mail->Body = $asked['html'];
    $mail->AltBody = $asked['text'];
    foreach ($asked['headers'] ?? [] as $name => $value) {
        $mail->addCustomHeader($name, $value);
    }
    if (isset($asked['attachment'])) {
        $mail->addAttachment($asked['attachment']['path'], $asked['attachment']['name']);
    }
    if (isset($asked['image'])) {
        $mail->addEmbeddedImage($asked['image']['path'], $asked['image']['cid']);
    }
    $mail->send();
} catch (Exception $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    exit(1);
}
