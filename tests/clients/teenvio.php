<?php
// The example of Teenvio's manual (3.2.1), to the letter but for the place: ssl://HOST:PORT comes from the command line.
// Its commands end in a bare line feed.
//
// Use: php -d openssl.cafile=FILE teenvio.php ssl://HOST:PORT
$fp = stream_socket_client($argv[1], $errno, $errstr, 30);
if (!$fp) {
    echo "$errstr ($errno)<br />\n";
} else {
    echo "Conexión válida, saludo del SMTP:<br/>\n";

    $buffer = fgets($fp, 1024);
    echo $buffer."<br/>\n";

    echo "Contesto al saludo y su respuesta es:<br/>\n";

    fwrite($fp, "EHLO PruebaPHP\n");

    while (($buffer = fgets($fp, 1024)) !== false) {
        echo $buffer."<br/>\n";
        if(substr($buffer,0,4) == "250 ") break;
    }

    echo "Finalizo esta prueba<br/>\n";

    fwrite($fp, "QUIT\n");
    $buffer = fgets($fp, 1024);
    echo $buffer;

    fclose($fp);
}
?>
