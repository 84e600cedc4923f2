/* generate.c: see generate.h. */
#include "core.h"

#include "ncpdp/generate.h"

const char *const broken_names[BROKEN__MAX] = {
	[BROKEN_NOT] = "none", [BROKEN_NPI] = "npi", [BROKEN_NPI_UNKNOWN] = "npi-unknown", [BROKEN_DEA] = "dea", [BROKEN_DEA_MISSING] = "dea-missing",
	[BROKEN_UNSIGNED] = "unsigned", [BROKEN_NDC] = "ndc", [BROKEN_NDC_UNKNOWN] = "ndc-unknown", [BROKEN_SIG] = "sig", [BROKEN_NAME] = "name",
	[BROKEN_BIRTH_DATE] = "birth-date", [BROKEN_WRITTEN_DATE] = "written-date", [BROKEN_QUANTITY] = "quantity", [BROKEN_REFILLS] = "refills",
	[BROKEN_STATE] = "state", [BROKEN_SEVERAL] = "several", [BROKEN_XML] = "xml", [BROKEN_DOCTYPE] = "doctype",
};

static const struct drug {
	const char *name, *ndc, *schedule, *sig, *quantity, *unit;
	int days;
} drugs[] = {
	{ "Humira 40 mg/0.8 mL pen kit", "00002-7510-02", "C38046", "Inject 40 mg subcutaneously every other week", "2", "C64933", 28 },
	{ "Samplestat 20 mg tablet", "0574-4072-05", "C38046", "Take 1 tablet by mouth once daily", "30", "C48542", 30 },
	{ "Exemplar 250 mg capsule", "51655-089-52", "C38046", "Take 1 capsule by mouth three times a day for 10 days", "30", "C48480", 10 },
	{ "Testolol 50 mg tablet", "58118-1397-3", "C38046", "Take 1/2 tablet PO BID with meals", "30", "C48542", 30 },
}, controlled = { "Strictone 5 mg tablet", "60429-324-77", "C48675", "Take 1 tablet by mouth every 6 hours as needed", "20", "C48542", 5 };

static const struct place {
	const char *city, *state, *zip;
} places[] = {
	{ "Cambridge", "MA", "02138" }, { "New Orleans", "LA", "70112" }, { "Tampa", "FL", "33602" }, { "Denver", "CO", "80202" }, { "Columbus", "OH", "432151234" },
};
static const char *const first_names[] = { "Ada", "Kim", "Robin", "Alex", "Sam", "Jo", "Max", "Lee" };
static const char *const last_names[] = { "Sample", "Specimen", "Example", "Testcase", "Muster", "Fixture", "Placeholder", "Mock-Up" };
static const struct {
	const char *npi, *last, *first, *dea;
} prescribers[] = {
	{ "1234567893", "Prescriber", "Test", "AB1234563" }, { "1000000004", "Example", "Robin", "BB1388568" }, { "1111111112", "Specimen", "Kim", "M91234563" },
};

/* splitmix64: the same everywhere. */
static uint64_t
next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static unsigned
below(uint64_t *state, unsigned n)
{
	return (unsigned)(next(state) % n);
}
#define PICK(list, state) (&(list)[below((state), (unsigned)COUNT(list))])

static bool
is(enum broken how, enum broken kind)
{
	return how == kind || (how == BROKEN_SEVERAL && (kind == BROKEN_NPI || kind == BROKEN_NDC || kind == BROKEN_SIG || kind == BROKEN_NAME || kind == BROKEN_QUANTITY));
}

static void
add_header(struct buf *b, uint64_t seed, unsigned i, enum broken how)
{
	buf_add(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	if (how == BROKEN_DOCTYPE)
		buf_add(b, "<!DOCTYPE Message [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n");
	buf_add(b, "<Message DatatypesVersion=\"20170715\" TransportVersion=\"20170715\" TransactionDomain=\"SCRIPT\" TransactionVersion=\"20170715\""
		   " StructuresVersion=\"20170715\" ECLVersion=\"20170715\">\n  <Header>\n    <To Qualifier=\"P\">1234567</To>\n"
		   "    <From Qualifier=\"D\">9990000000001</From>\n");
	buf_addf(b, "    <MessageID>G%llx-%u-%s</MessageID>\n", (unsigned long long)(seed & 0xffffffff), i, broken_names[how]);
	buf_add(b, "    <SentTime>2026-11-02T10:30:00Z</SentTime>\n    <SenderSoftware>\n"
		   "      <SenderSoftwareDeveloper>Sample Clinic Systems</SenderSoftwareDeveloper>\n"
		   "      <SenderSoftwareProduct>SampleEHR</SenderSoftwareProduct>\n"
		   "      <SenderSoftwareVersionRelease>1.0</SenderSoftwareVersionRelease>\n    </SenderSoftware>\n");
	buf_addf(b, "    <PrescriberOrderNumber>GO-%llx-%u</PrescriberOrderNumber>\n", (unsigned long long)(seed & 0xffffffff), i);
	if (how == BROKEN_REFILLS || how == BROKEN_DEA_MISSING)
		buf_add(b, "    <DigitalSignature Version=\"1.1\">\n      <DigitalSignatureIndicator>true</DigitalSignatureIndicator>\n    </DigitalSignature>\n");
	buf_add(b, "  </Header>\n  <Body>\n    <NewRx>\n");
}

static void
add_coverage(struct buf *b, uint64_t *s)
{
	buf_addf(b, "      <BenefitsCoordination>\n        <PayerIdentification>\n"
		    "          <ProcessorIdentificationNumber>MEDDCO</ProcessorIdentificationNumber>\n          <IINNumber>610014</IINNumber>\n"
		    "        </PayerIdentification>\n        <PayerName>Blue Sample Shield</PayerName>\n        <CardholderID>ABC%09u</CardholderID>\n"
		    "        <GroupID>%05u</GroupID>\n      </BenefitsCoordination>\n",
	    below(s, 1000000000), below(s, 100000));
}

static void
add_patient(struct buf *b, uint64_t *s, uint64_t seed, unsigned i, enum broken how)
{
	const struct place *p = PICK(places, s);

	buf_addf(b, "      <Patient>\n        <HumanPatient>\n          <Identification>\n"
		    "            <MedicalRecordIdentificationNumberEHR>MRN-%llx-%u</MedicalRecordIdentificationNumberEHR>\n"
		    "          </Identification>\n          <Name>\n            <LastName>%s</LastName>\n",
	    (unsigned long long)(seed & 0xffffffff), i, *PICK(last_names, s));
	if (!is(how, BROKEN_NAME))
		buf_addf(b, "            <FirstName>%s</FirstName>\n", *PICK(first_names, s));
	buf_addf(b, "          </Name>\n          <Gender>%c</Gender>\n          <DateOfBirth>\n            <Date>%04u-%02u-%02u</Date>\n          </DateOfBirth>\n",
	    "MFU"[below(s, 3)], 1930 + below(s, 75), how == BROKEN_BIRTH_DATE ? 13 : 1 + below(s, 12), 1 + below(s, 28));
	buf_addf(b, "          <Address>\n            <AddressLine1>%u Example Avenue</AddressLine1>\n            <City>%s</City>\n"
		    "            <StateProvince>%s</StateProvince>\n            <PostalCode>%s</PostalCode>\n            <CountryCode>US</CountryCode>\n"
		    "          </Address>\n",
	    1 + below(s, 999), p->city, how == BROKEN_STATE ? "XX" : p->state, p->zip);
	/* one telephone a message, so that each is a patient of its own */
	buf_addf(b, "          <CommunicationNumbers>\n            <PrimaryTelephone>\n              <Number>%03u555%04u</Number>\n"
		    "            </PrimaryTelephone>\n            <ElectronicMail>patient.%u.%llx@mail.example</ElectronicMail>\n"
		    "          </CommunicationNumbers>\n        </HumanPatient>\n      </Patient>\n",
	    200 + (unsigned)((seed + i / 10000) % 700), i % 10000, i, (unsigned long long)(seed & 0xffffffff));
}

static void
add_prescriber(struct buf *b, uint64_t *s, enum broken how)
{
	size_t k = below(s, (unsigned)COUNT(prescribers));

	buf_add(b, "      <Pharmacy>\n        <Identification>\n          <NCPDPID>1234567</NCPDPID>\n        </Identification>\n"
		   "        <BusinessName>Telerx Hub</BusinessName>\n      </Pharmacy>\n      <Prescriber>\n        <NonVeterinarian>\n          <Identification>\n");
	if (how != BROKEN_DEA_MISSING)
		buf_addf(b, "            <DEANumber>%s</DEANumber>\n", how == BROKEN_DEA ? "AB1234567" : prescribers[k].dea);
	buf_addf(b, "            <NPI>%s</NPI>\n          </Identification>\n          <Name>\n            <LastName>%s</LastName>\n"
		    "            <FirstName>%s</FirstName>\n          </Name>\n",
	    is(how, BROKEN_NPI) ? "1234567890" : how == BROKEN_NPI_UNKNOWN ? "2000000010" : prescribers[k].npi, prescribers[k].last, prescribers[k].first);
	buf_add(b, "          <Address>\n            <AddressLine1>1 Clinic Road</AddressLine1>\n            <City>Boston</City>\n"
		   "            <StateProvince>MA</StateProvince>\n            <PostalCode>02101</PostalCode>\n            <CountryCode>US</CountryCode>\n"
		   "          </Address>\n          <CommunicationNumbers>\n            <PrimaryTelephone>\n              <Number>6175550199</Number>\n"
		   "            </PrimaryTelephone>\n          </CommunicationNumbers>\n        </NonVeterinarian>\n      </Prescriber>\n");
}

static void
add_medication(struct buf *b, uint64_t *s, enum broken how)
{
	bool strict = how == BROKEN_DEA_MISSING || how == BROKEN_UNSIGNED || how == BROKEN_REFILLS;
	const struct drug *d = strict ? &controlled : PICK(drugs, s);
	const char *ndc = is(how, BROKEN_NDC) ? "123-45-6" : how == BROKEN_NDC_UNKNOWN ? "99999-9999-99" : d->ndc;

	buf_addf(b, "      <MedicationPrescribed>\n        <DrugDescription>%s</DrugDescription>\n        <DrugCoded>\n          <ProductCode>\n"
		    "            <Code>%s</Code>\n            <Qualifier>ND</Qualifier>\n          </ProductCode>\n          <DEASchedule>\n"
		    "            <Code>%s</Code>\n          </DEASchedule>\n        </DrugCoded>\n",
	    d->name, ndc, d->schedule);
	buf_addf(b, "        <Quantity>\n          <Value>%s</Value>\n          <CodeListQualifier>38</CodeListQualifier>\n"
		    "          <QuantityUnitOfMeasure>\n            <Code>%s</Code>\n          </QuantityUnitOfMeasure>\n        </Quantity>\n"
		    "        <DaysSupply>%d</DaysSupply>\n",
	    is(how, BROKEN_QUANTITY) ? "0" : d->quantity, d->unit, d->days);
	buf_addf(b, "        <WrittenDate>\n          <Date>%s</Date>\n        </WrittenDate>\n        <Substitutions>%u</Substitutions>\n"
		    "        <NumberOfRefills>%u</NumberOfRefills>\n",
	    how == BROKEN_WRITTEN_DATE ? "2199-01-01" : "2026-11-02", below(s, 2), how == BROKEN_REFILLS ? 2 : strict ? 0 : below(s, 12));
	buf_addf(b, "        <Diagnosis>\n          <ClinicalInformationQualifier>1</ClinicalInformationQualifier>\n          <Primary>\n"
		    "            <Code>I10</Code>\n            <Qualifier>ABF</Qualifier>\n            <Description>Sample diagnosis</Description>\n"
		    "          </Primary>\n        </Diagnosis>\n        <Sig>\n          <SigText>%s</SigText>\n        </Sig>\n      </MedicationPrescribed>\n",
	    is(how, BROKEN_SIG) ? "Use as directed" : d->sig);
}

void
ncpdp_message(struct buf *out, uint64_t seed, unsigned i, enum broken how)
{
	uint64_t state = seed * UINT64_C(0x2545f4914f6cdd1d) + i;

	add_header(out, seed, i, how);
	add_coverage(out, &state);
	add_patient(out, &state, seed, i, how);
	add_prescriber(out, &state, how);
	add_medication(out, &state, how);
	if (how != BROKEN_XML)
		buf_add(out, "    </NewRx>\n  </Body>\n</Message>\n");
}
