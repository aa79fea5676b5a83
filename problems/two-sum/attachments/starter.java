import java.io.*;
import java.util.*;

public class Main {
    public static void main(String[] args) throws IOException {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        StringTokenizer first = new StringTokenizer(in.readLine());
        int n = Integer.parseInt(first.nextToken());
        long target = Long.parseLong(first.nextToken());
        long[] numbers = new long[n];
        StringTokenizer second = new StringTokenizer(in.readLine());
        for (int k = 0; k < n; k++) numbers[k] = Long.parseLong(second.nextToken());

        // Find i < j with numbers[i] + numbers[j] == target.
        int i = 0, j = 1;

        System.out.println(i + " " + j);
    }
}
