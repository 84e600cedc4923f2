# Prints where one of the known words stands: a name of two words, or a number of ten digits. The words are known by two checksums, each below
# 2^26 so that every step is exact in a double.
function checksum(word, prime, start,    i, h) {
	h = start
	for (i = 1; i <= length(word); i++)
		h = (h * prime + index(letters, substr(word, i, 1))) % 67108859
	return h
}
function look(word) {
	if ((checksum(word, 131, 7) "-" checksum(word, 197, 11)) in known)
		print FILENAME ":" FNR ": names a real person"
}
BEGIN {
	letters = "abcdefghijklmnopqrstuvwxyz 0123456789"
	n = split("27232484-59542671 31930714-5278506 31888993-19146 66614556-20795553 15336252-33428013 11580578-16833854 722887-25733644 47764697-15801910", hashes, " ")
	for (i = 1; i <= n; i++)
		known[hashes[i]] = 1
	if (print_word != "") {
		print checksum(print_word, 131, 7) "-" checksum(print_word, 197, 11)
		exit
	}
}
{
	text = tolower($0)
	gsub(/[^a-z0-9]+/, " ", text)
	n = split(text, w, " ")
	for (i = 1; i <= n; i++) {
		if (w[i] ~ /^[0-9]+$/ && length(w[i]) == 10)
			look(w[i])
		if (i < n && length(w[i]) <= 16 && length(w[i + 1]) <= 16)
			look(w[i] " " w[i + 1])
	}
}
