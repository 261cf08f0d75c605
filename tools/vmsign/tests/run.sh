#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh - vmsign against OpenSSL's own program, and against files that are spoilt; prints TAP
# The functions under test are called by name.
# shellcheck disable=SC2317
set -u
: "${VMSIGN:?}" "${O:?}"
work=$O/test
rm -rf "$work"
mkdir -p "$work" || exit 3
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3
n=0 failed=0

# A text, then a command that has to exit with the status and print the regular expression
check()	# text, status, regex, command...
{
	text=$1 want=$2 regex=$3
	shift 3
	n=$((n + 1))
	"$@" >out 2>&1 </dev/null
	got=$?
	if [ $got = "$want" ] && { [ -z "$regex" ] || grep -Eq -e "$regex" out; }; then
		echo "ok $n - $text"
	else
		echo "not ok $n - $text: status $got, wanted $want and /$regex/"
		head -n 20 out | sed 's/^/# /'
		failed=1
	fi
}

openssl ecparam -name prime256v1 -genkey -noout -out owner.pem 2>/dev/null
openssl pkey -in owner.pem -pubout -out public.pem 2>/dev/null
openssl ecparam -name prime256v1 -genkey -noout -out other.pem 2>/dev/null
openssl ecparam -name secp384r1 -genkey -noout -out p384.pem 2>/dev/null
openssl genrsa -out rsa.pem 2048 2>/dev/null
head -c 5000 /dev/urandom >payload
head -c 100 /dev/urandom >small
# an arm64 Image: text_offset 0, image_size 0x300000, the magic number at 0x38
{ head -c 16 /dev/zero; printf '\000\000\060\000\000\000\000\000'; head -c 32 /dev/zero; printf 'ARMd'; head -c 9000 /dev/urandom; } >Image
gzip -c Image >Image.gz
sed 's/./&/' <small >initrd

sign()	# output, VM...
{
	to=$1
	shift
	"$VMSIGN" sign --key owner.pem --output "$to" "$@"
}

words()	# a log of a signature with that key and core, as tvmm and the payload write it
{
	{ head -c 272 "$1"; printf %s "$2" | xxd -r -p; printf %s "$3" | xxd -r -p; } |
		od -An -v -t x8 -w8 | awk '{ printf "guest| measurement %d %s\r\n", NR - 1, $1 }'
}

der()	# r and s of a signature as OpenSSL wants them
{
	{
		printf 'asn1=SEQUENCE:s\n[s]\n'
		printf 'r=INTEGER:0x%s\n' "$(tail -c 64 "$1" | head -c 32 | xxd -p -c 64)"
		printf 's=INTEGER:0x%s\n' "$(tail -c 32 "$1" | xxd -p -c 64)"
	} >"$1.conf"
	openssl asn1parse -genconf "$1.conf" -noout -out "$1.der" >/dev/null
}

check 'a bare-metal guest is signed' 0 '' sign run.sig run payload --memory 4
check 'a signature has 336 bytes' 0 '^336$' stat -c %s run.sig
check 'it verifies by the public key' 0 'signed by the key' "$VMSIGN" verify --key public.pem run.sig
check 'not by another one' 1 'not signed by the key in other.pem' "$VMSIGN" verify --key other.pem run.sig
der run.sig
head -c 272 run.sig >measured
check "OpenSSL's program says the same" 0 'Verified OK' openssl dgst -sha256 -verify public.pem -signature run.sig.der measured
padded()	# the image as KCore has it: whole pages
{
	{ cat payload; head -c $((8192 - 5000)) /dev/zero; } | sha256sum | cut -d' ' -f1
}
check 'the image is measured in whole pages, the rest zeros' 0 "image 0 +0x40000000, 8192 bytes, sha256 $(padded)\$" "$VMSIGN" print run.sig
check 'memory, vCPUs and entry are as asked for' 0 'memory +0x40000000..0x403fffff' "$VMSIGN" print run.sig
key=$("$VMSIGN" key public.pem 2>name)
check 'the key is the one in the PEM' 0 '' test "04$key" = "$(openssl pkey -pubin -in public.pem -outform DER | tail -c 65 | xxd -p -c 130)"
check 'a private key gives the same' 0 "^$key\$" "$VMSIGN" key owner.pem
id=$(printf '04%s' "$key" | xxd -r -p | sha256sum | cut -d' ' -f1)
check 'a key is named by the SHA-256 of its point' 0 "$id" cat name

printf 'core' >core.bin
core=$(sha256sum <core.bin | cut -d' ' -f1)
words run.sig "$id" "$core" >log
check 'a log of the same VM agrees' 0 'is the one that was signed' "$VMSIGN" verify --key public.pem --log log --core core.bin run.sig
cat log log >twice
check 'host and guest that say the same agree too' 0 'is the one that was signed' "$VMSIGN" verify --key public.pem --log twice run.sig
words run.sig "$(printf '%064d' 0)" "$core" >unsigned
check 'a VM that was started without a signature is seen' 1 "wasn't started by a signature of this key" "$VMSIGN" verify --key public.pem --log unsigned run.sig
printf 'other' >other.bin
check 'another KCore is seen' 1 "isn't other.bin" "$VMSIGN" verify --key public.pem --log log --core other.bin run.sig
sign more.sig run payload --memory 5
words more.sig "$id" "$core" >more.log
check 'other memory is seen' 1 'memory end: KCore measured 0x40500000, signed is 0x40400000' "$VMSIGN" verify --key public.pem --log more.log run.sig
{ cat log; sed 's/measurement 3 ................/measurement 3 0000000000000009/' log; } >differ
check 'host and guest that differ are seen' 3 'word 3 of the measurement is there twice' "$VMSIGN" verify --key public.pem --log differ run.sig
grep -v 'measurement 7 ' log >short
check 'a word that is missing is named' 3 "no line 'measurement 7 WORD'" "$VMSIGN" verify --key public.pem --log short run.sig
check 'a log is printed' 0 "^core sha256 $core" "$VMSIGN" print log
json()	# file
{
	"$VMSIGN" print --json "$1" | python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["images"][0]["sha256"], d["memory"]["end"], d.get("core"))'
}
check 'JSON of a signature' 0 "^$(padded) 0x40400000 None" json run.sig
check 'JSON of a log' 0 "^$(padded) 0x40400000 $core" json log

# Quotes as KCore makes them, but by OpenSSL's program: who (1 host, 2 guest), data, measurement of the signature file; the log of it
openssl ecparam -name prime256v1 -genkey -noout -out kcore.pem 2>/dev/null
kcore=$("$VMSIGN" key kcore.pem 2>/dev/null)
nonce=00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef
le()	# a number as 8 bytes, little endian, in hexadecimal
{
	printf '%016x' "$1" | sed 's/\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)\(..\)/\8\7\6\5\4\3\2\1/'
}
quote()	# signature file, key's name, core, who asked, his data
{
	{
		printf '%s%s%s' "$(le 0x4b434f5245515531)" "$(le "$4")" "$5" | xxd -r -p
		{ head -c 272 "$1"; printf '%s%s' "$2" "$3" | xxd -r -p; } >quoted
		cat quoted
	} >message
	openssl dgst -sha256 -sign kcore.pem -out quote.der message
	rs=$(openssl asn1parse -inform DER -in quote.der | sed -n 's/.*INTEGER *://p' | while read -r v; do printf '%064d' 0 | sed "s/.*/&$v/; s/.*\\(.\\{64\\}\\)\$/\\1/"; done)
	words "$1" "$2" "$3"
	{ head -c 48 message; printf %s "$rs" | xxd -r -p; } | od -An -v -t x8 -w8 |
		awk -v who="$([ "$4" = 1 ] && echo host || echo guest)" '{ printf "tvmm: quote %s %d %s\r\n", who, NR - 1, $1 }'
}
quote_verify()	# log, word...
{
	log=$1
	shift
	"$VMSIGN" quote-verify --quote-key "$kcore" --nonce "$nonce" --core core.bin "$@" "$log"
}
owner='--key public.pem --signed run.sig'
quote run.sig "$id" "$core" 1 $nonce >host.log
quote run.sig "$id" "$core" 2 $nonce >guest.log
# shellcheck disable=SC2086 # words
{
check "the host's quote of a signed VM" 0 "host's quote of this VM is good; it is the one that was signed" quote_verify host.log --asked host $owner
check "the guest's" 0 "guest's quote of this VM is good" quote_verify guest.log --asked guest $owner
check 'without the owner nobody says whose VM it is' 0 'whose VM it is nobody has looked at' quote_verify host.log --asked host
check 'what is quoted is printed' 0 "image 0 +0x40000000, 8192 bytes, sha256 $(padded)\$" quote_verify host.log --asked host
check 'another nonce' 1 'a quote for another nonce' quote_verify host.log --asked host --nonce "$(printf '%064d' 0)"
check "the host's is not the guest's" 3 "no line 'quote guest 0 WORD'" quote_verify host.log --asked guest
sed 's/quote host/quote guest/' host.log >passed.log
check "nor if it is called so" 1 "guest didn't ask for this quote" quote_verify passed.log --asked guest
sed 's/quote host 1 0000000000000001/quote guest 1 0000000000000002/; s/quote host/quote guest/' host.log >passed.log
check "nor if it says so" 1 "isn't signed by the key of --quote-key" quote_verify passed.log --asked guest
check 'another KCore' 1 "isn't other.bin" quote_verify host.log --asked host --core other.bin
check 'the quote of another KCore, by its key' 1 "isn't signed by the key of --quote-key" quote_verify host.log --asked host --quote-key "$key"
check 'another owner' 1 'not signed by the key in other.pem' quote_verify host.log --asked host --key other.pem --signed run.sig
check "another VM than the owner's" 1 'memory end: KCore measured 0x40400000, signed is 0x40500000' quote_verify host.log --asked host --key public.pem --signed more.sig
quote run.sig "$(printf '%064d' 0)" "$core" 1 $nonce >plain.log
check 'a VM that was started without a signature' 1 "wasn't started by a signature of this key" quote_verify plain.log --asked host $owner
for w in 3 9 12 33 34 41; do
	sed "s/measurement $w .......\\(.\\)/measurement $w 1234567\\1/" host.log >bad.log
	check "word $w of the measurement changed" 1 "isn't signed by the key" quote_verify bad.log --asked host
done
for w in 0 2 5 6 13; do
	sed "s/quote host $w .......\\(.\\)/quote host $w 1234567\\1/" host.log >bad.log
	check "word $w of the quote changed" 1 "isn't signed by the key" quote_verify bad.log --asked host
done
grep -v 'quote host 13 ' host.log >bad.log
check 'a word of the quote is missing' 3 "no line 'quote host 13 WORD'" quote_verify bad.log --asked host
check 'a key that is none' 3 'not a point of P-256' quote_verify host.log --asked host --quote-key "$(printf '%0128d' 1)"
check 'a key that is too short' 2 'want the 128 hexadecimal digits' quote_verify host.log --asked host --quote-key "${kcore%?}"
check 'a nonce that is too short' 2 'want 64 hexadecimal digits' quote_verify host.log --asked host --nonce 0011
check 'asked by nobody' 2 'want host or guest' quote_verify host.log --asked me
check 'an owner without a key' 2 'both or none' quote_verify host.log --asked host --signed run.sig
check 'no nonce' 2 'are needed' "$VMSIGN" quote-verify --quote-key "$kcore" --asked host --core core.bin host.log
}

for at in 8 64 271 300; do
	cp run.sig bad.sig
	byte=$(tail -c +$((at + 1)) run.sig | head -c 1 | xxd -p)
	printf '%02x' $((0x$byte ^ 1)) | xxd -r -p | dd of=bad.sig bs=1 seek=$at conv=notrunc 2>/dev/null
	check "byte $at changed: not signed" 1 'not signed' "$VMSIGN" verify --key public.pem bad.sig
done
head -c 335 run.sig >cut.sig
check 'a file that is cut off' 3 'no signature as vmsign writes it' "$VMSIGN" verify --key public.pem cut.sig
check 'a file that is something else' 3 'no signature' "$VMSIGN" verify --key public.pem payload
check 'a file that is missing' 3 'nowhere: No such file' "$VMSIGN" verify --key public.pem nowhere

check 'a Linux guest is signed' 0 '' sign linux.sig linux Image --initrd initrd --memory 64
check 'kernel, device tree and RAM disk are three images' 0 'image 2 +0x40600000, 4096 bytes' "$VMSIGN" print linux.sig
sign again.sig linux Image --initrd initrd --memory 64
check 'the same VM gives the same measurement' 0 '' cmp -n 272 linux.sig again.sig
for words in '--append other' '--gic 2' '--vcpus 2' '--disk' '--virtio-console' '--pmu' '--its'; do
	# shellcheck disable=SC2086 # words
	sign again.sig linux Image --initrd initrd --memory 64 $words
	check "$words gives another" 1 differ cmp -n 272 linux.sig again.sig
done
check 'images at addresses are signed' 0 '' sign images.sig images payload@0x40000000 small@0x40002000 small@0x40004000 --entry 0x40000000 --x0 7 --memory 4
check 'images one behind the other are one' 0 'image 0 +0x40000000, 12288 bytes' "$VMSIGN" print images.sig
check 'and those with a page between are not' 0 'image 1 +0x40004000, 4096 bytes' "$VMSIGN" print images.sig
check 'its registers' 0 'x0..x3 0x7 0 0 0' "$VMSIGN" print images.sig

check 'images that overlap' 3 'begins before the image in front of it ends' sign x images payload@0x40000000 small@0x40001000 --entry 0
check 'an image between pages' 3 'not the address of a page' sign x images payload@0x40000010 --entry 0
check 'an image outside of memory' 3 'not the address of a page' sign x images payload@0x30000000 --entry 0
check 'an image that is too large' 3 "don't fit" sign x images payload@0x403ff000 --memory 4 --entry 0
check 'five images' 3 'at most 4 images' sign x images small@0x40000000 small@0x40002000 small@0x40004000 small@0x40006000 small@0x40008000 --entry 0
check 'images without an entry' 2 'images needs it' sign x images small@0x40000000
check 'no Image' 3 'not an arm64 Image' sign x linux payload
check 'an Image compressed' 3 'gzip -dc Image.gz >Image' sign x linux Image.gz
check 'a key of P-384' 3 'not a key of ECDSA P-256' "$VMSIGN" sign --key p384.pem --output x run payload
check 'a key of RSA' 3 'not a key of ECDSA P-256' "$VMSIGN" key rsa.pem
check 'a public key signs nothing' 3 'no private key' "$VMSIGN" sign --key public.pem --output x run payload
check 'no key' 3 'payload: no private or public key' "$VMSIGN" key payload
check 'nothing is left of what failed' 0 '' test ! -e x -a ! -e x.new
check 'a directory that is missing' 3 'nowhere/x' sign nowhere/x run payload
check 'no such word' 2 'what to do' "$VMSIGN" resign run.sig
check 'no such option' 2 'unrecognized' "$VMSIGN" print --nothing run.sig
check 'a number that is none' 2 'want MiB' sign x run payload --memory 1x
check 'too many vCPUs for a GICv2' 3 'at most 8 vCPUs' sign x linux Image --vcpus 9 --gic 2
check 'an option of another kind of VM' 2 'of linux only' sign x run payload --initrd initrd
check '--help' 0 'openssl ecparam' "$VMSIGN" --help
echo "1..$n"
exit $failed
